-- What the footers of the landed files count, and the offsets that no file covers.
WITH places AS (
    SELECT *, lag(last_offset) OVER (PARTITION BY topic, log_partition ORDER BY first_offset) AS offset_before
    FROM landed_files
)
SELECT count(*) AS files, count(DISTINCT topic) AS logs, coalesce(sum(messages), 0) AS messages, coalesce(sum(control), 0) AS control,
       coalesce(sum(dead), 0) AS dead, coalesce(sum(absent), 0) AS absent, coalesce(sum(first_offset - offset_before - 1), 0) AS missing_offsets,
       count(*) FILTER (WHERE first_offset > offset_before + 1) AS holes
FROM places
