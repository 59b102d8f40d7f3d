SELECT feature, weight, mean, scale FROM ml_weights($model)
