SELECT count(*) AS rows FROM $audit
