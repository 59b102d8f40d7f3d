-- Messages that could not be read, by the kind of reason, as `squall dead` counts them.
WITH letters AS (
    SELECT *, regexp_replace(regexp_replace(reason, '(?s) is .*, which is ', ' is …, which is '), '\b[0-9][0-9.e+-]*', '…', 'g') AS kind
    FROM dead_letters
)
SELECT min(reason) AS reason, count(*) AS messages, min(ingest_time) AS first_time, max(ingest_time) AS last_time,
       min(left(coalesce(payload, payload_hex), 80)) AS example, sum(count(*)) OVER () AS all_messages
FROM letters
GROUP BY kind
ORDER BY messages DESC, reason
LIMIT 12
