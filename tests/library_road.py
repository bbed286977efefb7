"""The product, but each client takes the library's road from its first byte: ``python -m tests.library_road``."""

from __future__ import annotations

from trio_chat import __main__ as command_line
from trio_chat.net import request_head


def main() -> None:
    """Run the product's command line."""
    # Else nothing would be different, and everything pass.
    assert callable(vars(request_head)["_ordinary_handshake"])
    vars(request_head)["_ordinary_handshake"] = lambda data: None
    command_line.main()


if __name__ == "__main__":
    main()
