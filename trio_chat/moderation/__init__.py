"""Who may come to the server, how its first owner is found, and what happens at once when that is decided anew;
and how long messages are kept.

Imports: errors, kinds, model, net, presence, rooms, store.
"""
