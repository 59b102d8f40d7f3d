-- description: Whether every model that learned from spike_training beats the naive rule on the test split. The difference of the
--   average precisions has a paired 95 % interval by a moving-block bootstrap over time. The verdict is "cannot be told yet" if the
--   interval holds 0 or there are fewer than 10 episodes, and says about how many it would take.
-- grain: model

SELECT *
FROM ml_compare_all('SELECT * FROM spike_training WHERE split = ''test''')
ORDER BY model
