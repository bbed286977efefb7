"""What a chat is: events, people, names, the digest chain. No I/O, and no wire format.

Pure. Imports: errors.
"""
