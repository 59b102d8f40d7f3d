SELECT severity, query, file || ':' || line AS place, message
FROM squall_findings
ORDER BY severity, file, line
LIMIT 200
