SELECT model, version, model_type, label, probability, threshold, created_at, training_rows, training_positives, training_from, training_to,
       products, horizon, tau, squall_version, sql
FROM ml_models()
WHERE model = $name AND version = $version
