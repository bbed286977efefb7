"""Search without an index: what a query means, which grams an index holds, whether a message matches. For all stores.

Pure. Imports: errors, kinds, model.
"""
