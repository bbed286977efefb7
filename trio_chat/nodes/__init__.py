"""What other servers over the same store decide about those who are connected here: told by messages, and looked for in
the store, as each message may be lost.

Imports: errors, kinds, model, people, presence, rooms, store.
"""
