"""Files: how their bytes come (`uploads`), are kept and go (`finishing`, `sweeper`), and who gets them (`downloads`).

Imports: blobs, errors, kinds, media, model, moderation, net, rooms, store.
"""
