"""Store in a PostgreSQL database, which several servers may share: connections that write, read and search, each with a
thread.

`open` puts it together; what is asked of both engines alike stands in `trio_chat.store.sql`. Only here is psycopg
imported. Beside it `verify` and `beside_servers` are for the command line. Only `ops.stores` imports it.

Imports: errors, kinds, model, search, store, store.moving, store.sql.
"""
