-- description: The test rows, with the same columns as drift_reference. They are compared with drift_reference.

SELECT * EXCEPT (product_id, midprice, tau, split)
FROM spike_training
WHERE split = 'test'
