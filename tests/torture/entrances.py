"""Entrances: how clients get to the servers, directly or through proxies that spoil connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from tests.torture.process import ServerProcess
    from tests.torture.proxy import Proxy


@attrs.frozen(eq=False)
class Entrance:
    """The ways to one server."""

    server: ServerProcess
    plain: Proxy
    """For plain clients: it doubles nothing."""
    v1: Proxy
    share: float
    """The share of connections that go through the proxies."""

    @property
    def proxies(self) -> tuple[Proxy, Proxy]:
        """Both proxies."""
        return self.plain, self.v1


class EachTimeAnother:
    """Leads each client, which one knows by its random numbers, to another server than the last time."""

    def __init__(self, entrances: Sequence[Entrance]) -> None:
        self._entrances = entrances
        self._last: dict[random.Random, Entrance] = {}

    def port(self, rng: random.Random, kind: str) -> int:
        """The port for a client of this kind (``v1``, ``plain``)."""
        last = self._last.get(rng)
        entrance = rng.choice([one for one in self._entrances if one is not last] or self._entrances)
        self._last[rng] = entrance
        if rng.random() >= entrance.share:
            return entrance.server.port
        return (entrance.plain if kind == "plain" else entrance.v1).port
