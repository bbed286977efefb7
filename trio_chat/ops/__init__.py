"""Operations: the format of the log, statistics, free space of the disk, the limit of open files, and tuning of the
interpreter.

Imports: errors, rooms, server, store.
"""
