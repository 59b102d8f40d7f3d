-- description: The score of every model that learned from spike_training, for every row of spike_training.
-- grain: model, product_id, ts
-- time column: ts

SELECT model, product_id, ts, split, midprice, current_vol, forward_vol, tau, spike, score
FROM ml_predict_all('spike_training')
