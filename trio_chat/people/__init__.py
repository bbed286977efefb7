"""People: identities, devices and their codes, avatars.

Imports: errors, model, store.
"""
