-- Steps of over 10 s between a product's ticks, the longest first.
SELECT product_id, silent_from, silent_to, seconds, reconnected
FROM landed_silences
ORDER BY seconds DESC, product_id, silent_from
LIMIT 12
