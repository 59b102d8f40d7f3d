-- Rows without a time are left out of every figure.
SELECT count(*) AS untimed
FROM $relation
WHERE $time IS NULL
