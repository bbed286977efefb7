"""What only operators see: log lines, statistics, and tuning of the process.

Imports: errors, rooms, server, store.
"""
