SELECT *
FROM drift($reference, $current)
