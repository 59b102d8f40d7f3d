SELECT split, rows, positives, prevalence, average_precision, roc_auc, brier, threshold, "precision", recall, f1, reason FROM ml_evaluate($model)
