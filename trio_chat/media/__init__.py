"""Files that people send: what they are by their bytes, what is taken out of them, and previews.

`types`, `metadata` (with a module for each format) and `thumbhash` are pure. `prepare` is what the server calls: it
starts a `worker`, a child process with limits, in which `pipeline` and `previews` decode.

Imports: errors.
"""
