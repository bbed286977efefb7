"""The languages that clients speak, one module or folder each: they turn words into drafts, and events into words.

Imports: everything below; nothing imports a gateway but the server.
"""
