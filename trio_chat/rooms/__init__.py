"""Rooms: an inbox, one broadcaster task each, and the subscriptions it fans messages out to.
They speak no protocol: gateways bring the encodings.

Imports: config, errors, kinds, model, net, store.
"""
