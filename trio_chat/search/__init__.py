"""What a search query means, and how text becomes the parts that an index holds; shared by all stores.

Pure. Imports: errors, model.
"""
