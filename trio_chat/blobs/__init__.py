"""Blobs: the contents of files, each under a name that follows from its bytes. `base` is the contract, `directory`
keeps them in a directory, `s3` in a bucket; `places` says which, and `opening` opens it.

Imports: errors.
"""
