-- One pass over the rows; docs/functions.md says what each figure is.
SELECT * FROM profile($on)
