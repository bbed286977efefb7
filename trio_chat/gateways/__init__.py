"""The languages that clients speak, one module or folder each: they turn words into drafts, and events into words.
Nothing imports a gateway but the server.

Imports: errors, files, hub, kinds, model, moderation, net, people, presence, protocol, rooms, search, store.
"""
