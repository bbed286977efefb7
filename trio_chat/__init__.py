"""A real-time group chat that anyone can run with one command: ``python -m trio_chat``."""

__version__ = "0.1.0"
