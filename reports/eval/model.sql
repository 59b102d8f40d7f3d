SELECT version, model_type, features, training_rows, training_positives, training_from, training_to, squall_version
FROM ml_models()
WHERE model = $model AND latest
