"""Who somebody is: identities and their tokens, codes for further devices, avatars.

Imports: errors, model, net, store.
"""
