"""Files that people send: what they are by their bytes, what is taken out of them, and previews.

`types`, `metadata` (with a module for each format) and `thumbhash` are pure. `worker` decodes, in a child process with
limits; `prepare` is its parent.

Imports: nothing.
"""
