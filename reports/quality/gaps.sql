-- Messages that a connection numbered and that never came, the longest gap first.
SELECT ingest_time, topic, connection, after_sequence_num, next_sequence_num, missing, log_offset,
       count(*) OVER () AS gaps, sum(missing) OVER () AS all_missing
FROM landed_gaps
ORDER BY missing DESC, ingest_time
LIMIT 12
