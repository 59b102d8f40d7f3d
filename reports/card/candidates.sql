-- The latest version of each model that is more than a rule.
SELECT model, model AS reference, role FROM ml_models() WHERE latest AND role = 'model' AND problem IS NULL ORDER BY model
