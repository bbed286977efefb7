"""What stands in no log: who is connected, who is typing, how far everybody has read.

Imports: errors, model, net, rooms, store.
"""
