-- description: Every model's score for every row of spike_training.
-- grain: model, product_id, ts
-- time column: ts

SELECT 'spike_logistic' AS model, product_id, ts, split, midprice, current_vol, forward_vol, tau, spike, score
FROM ml_predict('spike_logistic', 'spike_training')
UNION ALL
SELECT 'naive_volatility' AS model, product_id, ts, split, midprice, current_vol, forward_vol, tau, spike, score
FROM ml_predict('naive_volatility', 'spike_training')
UNION ALL
SELECT 'volatility_threshold' AS model, product_id, ts, split, midprice, current_vol, forward_vol, tau, spike, score
FROM ml_predict('volatility_threshold', 'spike_training')
