"""Operations: the format of the log, statistics, the limit of open files, and tuning of the interpreter.

Imports: rooms, server, store.
"""
