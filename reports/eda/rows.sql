SELECT $columns
FROM $relation
LIMIT 5
