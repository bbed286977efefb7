"""What the operator chooses: the settings, their defaults and reasons, and reading them from everywhere they may stand.

Pure. Imports: errors.
"""
