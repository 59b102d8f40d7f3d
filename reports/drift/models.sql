SELECT model, label, features
FROM ml_models()
WHERE latest AND problem IS NULL
ORDER BY model
