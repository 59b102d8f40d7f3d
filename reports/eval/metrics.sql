SELECT model, split, rows, positives, prevalence, average_precision, roc_auc, log_loss, brier,
       threshold, "precision", recall, f1, reason
FROM spike_metrics
ORDER BY model, split
