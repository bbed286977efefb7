"""The store over SQLite: one writer, two readers, each a thread at a time.

Imports: errors, model, kinds, search, store.
"""
