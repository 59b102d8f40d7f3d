SELECT rank, feature, importance, importance_stddev, average_precision, block_s, reason FROM ml_feature_importance($model, $on)
