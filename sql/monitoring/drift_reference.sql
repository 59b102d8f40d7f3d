-- description: The training rows, from which drift is measured: every feature in spike_training, and the volatility that models predict.

SELECT * EXCEPT (product_id, midprice, tau, split)
FROM spike_training
WHERE split = 'train'
