-- description: Every tick has a positive bid that is not above its ask.

SELECT product_id, ts, best_bid, best_ask
FROM ticks
WHERE best_bid IS NULL OR best_ask IS NULL OR best_bid <= 0 OR best_bid > best_ask
