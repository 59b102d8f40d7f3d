SELECT rank, feature, importance, importance_stddev, average_precision, block_s, reason FROM ml_feature_importance($model, $on, 5, 0, $block_s)
