SELECT average_precision FROM ml_evaluate($model) WHERE split = 'validation'
