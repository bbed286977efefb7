"""Who may come to the server, how its first owner is found, and what happens at once when that is decided anew.

Imports: errors, kinds, model, net, presence, store.
"""
