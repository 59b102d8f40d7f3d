-- description: Whether the distribution of each column differs between the training rows and the test rows. Each column has
--   the test that Evidently would choose. The bins and shares of the histograms are lists.
-- grain: column_name

SELECT *
FROM drift('drift_reference', 'drift_current')
