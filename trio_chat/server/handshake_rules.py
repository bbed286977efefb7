"""Who is welcome: what a handshake that is right asks for, and whom it is refused."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from trio_chat.errors import Refused
from trio_chat.net import origin
from trio_chat.net.request_head import BadRequest, shown
from trio_chat.protocol.encoding import V1
from trio_chat.server.closing import PLACES_ADVICE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.hub import Hub
    from trio_chat.net.limits import Admission


def v1_among(subprotocols: Sequence[str]) -> str | None:
    """trio-chat.v1 as the client spells it, if it asks for that; None: it is plain, or asks for something else.

    It is answered as it was asked for: clients compare the spelling (RFC 6455 section 4.1).
    """
    return next((name for name in subprotocols if name.lower() == V1), None)


def refusal_of(
    target: str,
    subprotocols: Sequence[str],
    *,
    is_v1: bool,
    page: str | None,
    host: str | None,
    hub: Hub,
    address: str,
    admission: Admission,
) -> BadRequest | None:
    """The refusal of a right handshake, with a word for the security log; None for whoever is welcome.

    ``is_v1`` says whether trio-chat.v1 is asked for (`v1_among`); ``page`` is the origin of the page that asks, if one
    does, ``host`` the server as the client knows it. For a plain client it is settled that its place is one of a client
    that is not known.
    """
    path = target.partition("?")[0]
    if path != "/":
        return BadRequest(
            HTTPStatus.NOT_FOUND,
            f"The chat is at the path / of this server, not at {shown(path)}. If a proxy serves it under a path, "
            "whoever runs that has it take the path away.",
            "path",
        )
    if is_v1:
        return _refusal_of_page(page, host, hub)
    # Some libraries send an empty field, or an empty element, where nothing is asked for.
    proposed = [name for name in subprotocols if name]
    if proposed:
        return BadRequest(
            HTTPStatus.BAD_REQUEST,
            f"This server does not speak {shown(', '.join(proposed))}: "
            f"the program that connects has to ask for the subprotocol {V1}, or for none.",
            "subprotocol",
        )
    return _refusal_of_plain(hub, address, admission)


def _refusal_of_page(page: str | None, host: str | None, hub: Hub) -> BadRequest | None:
    if page is None or origin.is_allowed(page, host, hub.config.own_origins):
        return None
    return BadRequest(HTTPStatus.FORBIDDEN, origin.why_not(page, host), "origin")


def _refusal_of_plain(hub: Hub, address: str, admission: Admission) -> BadRequest | None:
    if not hub.config.is_plain_on:
        return BadRequest(
            HTTPStatus.FORBIDDEN,
            f"Plain access is switched off here. Ask for the subprotocol {V1}; "
            "or whoever runs the server starts it with --plain.",
            "plain",
        )
    try:
        hub.door.check_guest(address)
    except Refused as refused:
        return BadRequest(HTTPStatus.FORBIDDEN, refused.message, refused.code)
    try:
        admission.settle(is_known=False)  # it will never say who it is
    except Refused as refused:
        return BadRequest(HTTPStatus.SERVICE_UNAVAILABLE, f"{refused.message} {PLACES_ADVICE}", "places")
    return None
