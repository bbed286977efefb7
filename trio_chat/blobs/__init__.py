"""Blobs: the contents of files, each under a name that follows from its bytes. `base` is the contract, `directory`
keeps them in a directory.

Imports: nothing.
"""
