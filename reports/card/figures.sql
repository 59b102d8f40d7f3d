SELECT * FROM ml_evaluate($model, $on)
