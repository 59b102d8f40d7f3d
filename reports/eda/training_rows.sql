-- The rows that models learn from. They are read once; the other queries read this table of them.
SELECT * FROM spike_training
