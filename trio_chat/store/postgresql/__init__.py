"""Store in a PostgreSQL database, which several servers may share: connections that write, read and search, each with a
thread.

`open` puts it together; what is asked of both engines alike stands in `trio_chat.store.sql`. Only here is psycopg
imported. Only `app` imports it.

Imports: errors, kinds, model, search, store, store.sql.
"""
