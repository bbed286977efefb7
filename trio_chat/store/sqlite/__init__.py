"""Store over one SQLite file: a connection that writes, one that reads and one that searches, each with a thread.

`open` puts it together, `store` is the `Store`; each method of it is a function over a connection in the module of its
subject. Beside it `verify` and `backup`, which need no server. Only `ops` and `__main__` import it: all others know the
contract.

Imports: errors, model, search, store, store.moving, store.sql.
"""
