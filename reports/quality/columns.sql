-- Every column of the ticks. delay_s is the time from the exchange to squall; of a recording it is the time until the replay.
SELECT * FROM profile('
    SELECT *, CAST(CAST(ingest_time AS BIGINT) - CAST(event_time AS BIGINT) AS DOUBLE) / 1e9 AS delay_s
    FROM landed_ticks
    WHERE status = ''ok''')
