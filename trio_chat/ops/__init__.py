"""What only operators see: log lines, statistics, and tuning of the process.

Imports: rooms, server, store.
"""
