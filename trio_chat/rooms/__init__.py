"""Rooms: an inbox, one broadcaster task each, and the subscriptions it fans messages out to.

Imports: errors, config, model, kinds, net, store. No protocol: gateways bring the encodings.
"""
