-- Fails if these rows must not judge the model, and tells what differs from its training.
SELECT DISTINCT warning FROM ml_evaluate($model, $on$split) WHERE warning IS NOT NULL
