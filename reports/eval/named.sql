-- The model that was asked for: name, name@2 or name@alias.
SELECT model, $model AS reference, version, model_type, role, probability, threshold, label, features, horizon, tau
FROM ml_models()
WHERE problem IS NULL AND model = split_part($model, '@', 1)
  AND CASE WHEN strpos($model, '@') = 0 THEN latest
      ELSE CAST(version AS VARCHAR) = split_part($model, '@', 2)
        OR array_has(string_to_array(coalesce(aliases, ''), ', '), split_part($model, '@', 2)) END
