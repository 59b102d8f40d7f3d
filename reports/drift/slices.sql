SELECT *
FROM drift_by($reference, $current, $by, $tests)
