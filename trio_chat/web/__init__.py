"""HTTP: the page, its files, health and readiness.

Imports: errors, config, net.
"""
