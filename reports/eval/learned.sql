-- Whether the model learned from the table that judges it.
SELECT count(*) AS learned FROM ml_models($on) WHERE model = split_part($model, '@', 1) AND problem IS NULL
