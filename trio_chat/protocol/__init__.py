"""The words of the JSON protocol `trio-chat.v1`: commands, replies, and the frames of events.

Pure. Imports: errors, kinds, model, net.
"""
