"""Ephemeral state, which is in no log: connected users, presence, typing, read markers.

Imports: errors, model, net, rooms, store.
"""
