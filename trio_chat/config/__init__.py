"""Configuration: the settings, their defaults and reasons, and reading them from command line, environment and file.

Pure. Imports: blobs, errors.
"""
