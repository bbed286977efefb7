"""Operations: the format of the log, statistics, free space of the disk, the limit of open files, tuning of the
interpreter, and how the command line reads and writes.

Imports: config, errors, rooms, server, store.
"""
