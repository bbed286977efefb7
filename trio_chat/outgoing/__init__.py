"""Requests that the server makes itself, to addresses that somebody else wrote: all of them go through `guard`.

Imports: errors, media, net.
"""
