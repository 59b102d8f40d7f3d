-- What the training said of its columns.
SELECT name, "text" FROM ml_training_info($model) WHERE part = 'column'
