"""The kinds of events: what each says, how it is told, and who may write it.

Pure. Imports: errors, model.
"""
