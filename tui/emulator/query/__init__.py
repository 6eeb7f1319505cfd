"""TRQL, the SQL dialect of `POST /api/v1/query`.

`tokens`, `expressions` and `selects` parse a query and translate it to SQLite. `tables` defines its tables, `functions`
its functions. `database` holds the rows and answers the queries of one world.
"""
