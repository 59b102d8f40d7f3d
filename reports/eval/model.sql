SELECT version, model_type, features, training_rows, training_positives, training_from, training_to, horizon, tau, squall_version
FROM ml_models()
WHERE model = split_part($model, '@', 1) AND version = $version
