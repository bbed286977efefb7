"""The bytes of one connection: its transport, its outbox, its limits, and the checks before anything is parsed.

Imports: errors.
"""
