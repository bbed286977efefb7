"""What a server does first, done once: whoever imports this can be forked into one that is ready at once."""

from __future__ import annotations

from trio_chat import __main__ as __main__
from trio_chat import app as app
from trio_chat.model.reserved_names import load_tables
from trio_chat.web.http import page_version

page_version()
load_tables()
