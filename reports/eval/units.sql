SELECT name, unit FROM squall_columns WHERE query = $on AND unit IS NOT NULL
