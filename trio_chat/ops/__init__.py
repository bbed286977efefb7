"""Operations: the format of the log, statistics, free space of the disk, the limit of open files, tuning of the
interpreter, how the command line reads and writes, which store it is about, and the files in backups.

Imports: blobs, config, errors, rooms, server, store, store.moving, store.postgresql, store.sql, store.sqlite.
"""
