"""Who may come to the server, and how its first owner is found.

Imports: kinds, model, store.
"""
