SELECT rows, mean_score, positive_rate FROM ml_calibration($model, $on, 10)
