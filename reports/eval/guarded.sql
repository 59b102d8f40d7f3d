-- Fails if these rows must not judge the model.
SELECT count(score) AS scores, CAST(NULL AS VARCHAR) AS warning FROM ml_predict($model, $on, 'judge')
