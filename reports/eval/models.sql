-- The latest version of each model, and how it ranked the validation rows of its training.
SELECT model, model AS reference, version, model_type, role, probability, threshold, label, features, horizon, tau
FROM ml_models()
WHERE latest AND problem IS NULL
ORDER BY model
