"""The gateway of `trio-chat.v1`: each command is admitted by the client's `Session`, carried out, and
answered.

`client` takes commands in and hands each to the module of its subject.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.gateways.v1 import client
from trio_chat.gateways.v1.handlers import DECODER, HANDLERS

if TYPE_CHECKING:
    from collections.abc import Awaitable

    import trio

    from trio_chat.hub import Hub
    from trio_chat.net.limits import Admission
    from trio_chat.net.outbox import Outbox
    from trio_chat.net.websocket import Messages


def serve_v1(
    websocket: Messages,
    outbox: Outbox,
    *,
    hub: Hub,
    address: str,
    admission: Admission,
    scope: trio.CancelScope,
) -> Awaitable[None]:
    """Carry out what the client asks for, until it closes; see `client.serve`.

    It is to be awaited within ``scope``, which is cancelled when nothing more is to be carried out: the outbox ends
    then, and says why."""
    made = client.Client(outbox, hub, HANDLERS, DECODER, address=address, admission=admission, scope=scope)
    return client.serve(websocket, made)
