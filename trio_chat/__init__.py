"""A real-time group chat that anyone can run with one command: ``python -m trio_chat``."""

from importlib.metadata import version

__version__ = version("trio-chat")
