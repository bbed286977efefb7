"""Moving a chat from one database to another while people chat (`move`): its log and all that goes with it, under the
same numbers and epochs.

`copying` reads at one end and writes at the other, `comparing` proves that both hold the same; each engine has an
`End`. What moves is named in `trio_chat.store.sql.tables`.

Imports: errors, store, store.sql.
"""
