-- description: Whether each column's distribution on the test rows differs from that on the training rows, by the test that
--   Evidently would choose. The histograms' bins and shares are lists.
-- grain: column_name

SELECT *
FROM drift('drift_reference', 'drift_current')
