SELECT name, kind, file, description FROM squall_queries WHERE kind IN ('source', 'feature', 'label', 'query', 'model')
