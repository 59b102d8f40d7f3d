SELECT model, role, rows, positives, episodes, prevalence, average_precision, average_precision_low, average_precision_high,
       baseline, difference, difference_low, difference_high, share_better, verdict, reason, warning
FROM ml_compare_all($on)
ORDER BY average_precision DESC NULLS LAST, model
