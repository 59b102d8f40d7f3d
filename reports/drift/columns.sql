SELECT *
FROM $comparison
