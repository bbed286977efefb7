"""What the queues of a store take: appends, and functions that read or write over a connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs

from trio_chat.errors import BlobGone, NameTaken, Refused
from trio_chat.model.outcomes import Repeat

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trio_chat.model.events import Draft
    from trio_chat.store.plan import CommandId


@attrs.frozen
class Append:
    """Drafts to be written to a room."""

    room: str
    drafts: Sequence[Draft]
    at_ms: int


EXPECTED: Final = (BlobGone, KeyError, NameTaken, Refused)
"""What a `WriteFunction` raises when it must not write. Each is an answer, and ends nothing."""

WriteFunction: TypeAlias = Callable[[Any], object]
"""Writes something over the connection of its engine, after all its checks: when it raises one of `EXPECTED`, it has
written nothing."""

Read: TypeAlias = Callable[[Any], Any]
"""Reads something over the connection of its engine, and returns it."""


def command_ids(requests: Sequence[object]) -> list[CommandId]:
    """The commands of all appends among the requests."""
    return [
        (draft.sender, draft.client_id)
        for request in requests
        if isinstance(request, Append)
        for draft in request.drafts
        if draft.client_id is not None
    ]


def count_repeats(answers: Iterable[object]) -> int:
    """How many drafts were answered with `Repeat`."""
    return sum(
        isinstance(outcome, Repeat) for answer in answers if isinstance(answer, list) for outcome in answer
    )
