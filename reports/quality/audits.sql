SELECT name, sql FROM squall_queries WHERE kind = 'audit'
