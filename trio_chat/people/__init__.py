"""People: identities and their tokens, device codes, avatars.

Imports: errors, model, net, store.
"""
