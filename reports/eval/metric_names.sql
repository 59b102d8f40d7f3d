SELECT name, title, better
FROM ml_metrics()
