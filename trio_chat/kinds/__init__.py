"""The kinds of events: for each its command, its body in the log, its frame to clients, and who may write it.

One module for each subject, with one `Kind` for each kind; `table` has them all, `rules` says who may do what.

Pure. Imports: errors, media, model.
"""
