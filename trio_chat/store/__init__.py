"""Durable storage of the event logs and of what follows from them.

`base` is the contract; `plan` (what an append will write), `proof` (is an event what was written?) and `group_commit`
are shared by all stores; each store has a folder. No store imports another; what SQLite and PostgreSQL are asked
alike stands in `sql`.

Imports: errors, kinds, model, search.
"""
