-- Pearson's correlation of the first 40 numeric columns, over the rows in which both are finite.
SELECT * FROM correlations($on)
