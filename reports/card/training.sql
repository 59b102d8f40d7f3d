SELECT part, name, fact, number, text FROM ml_training_info($model)
