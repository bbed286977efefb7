"""Model of a chat: events, records, outcomes, names, the digest chain. No I/O, and no wire format.

Pure. Imports: errors.
"""
