"""Rooms: each has an inbox, a broadcaster task, and the subscriptions that the broadcaster fans messages out to.
They speak no protocol: gateways bring the encodings.

Imports: config, errors, kinds, model, net, store.
"""
