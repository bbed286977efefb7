"""The bytes of one connection: its transport, its outbox, limits, and what is checked before anything is parsed.

Imports: errors.
"""
