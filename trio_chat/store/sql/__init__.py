"""What SQLite and PostgreSQL are asked alike: functions over a `Connection`, in SQL that both understand.

`connection` says what such a function gets, and where the two engines differ. What belongs to one of them stands in its
own folder.

Imports: errors, kinds, model, search, store.
"""
