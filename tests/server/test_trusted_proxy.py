"""Behind a trusted proxy limits per address count the clients; what others say in the field is ignored."""

from __future__ import annotations

from tests.support.raw import open_raw, upgrade
from tests.support.serving import open_server


async def answers(port: int, *clients: str) -> list[bytes]:
    """The status lines of handshakes for these clients, each of which stays connected until all are answered."""
    if not clients:
        return []
    async with open_raw(port) as peer:
        await peer.send(upgrade(x_forwarded_for=clients[0]))
        return [(await peer.receive_head())[9:12], *(await answers(port, *clients[1:]))]


async def test_places_are_counted_for_the_client_behind_the_proxy() -> None:
    async with open_server(trusted_proxy=("127.0.0.0/8",), max_connections_per_address=1) as serving:
        clients = ("192.0.2.1", "192.0.2.2", "192.0.2.9, 192.0.2.1", "2001:db8::1", "2001:db8::2")
        assert await answers(serving.port, *clients) == [b"101", b"101", b"503", b"101", b"503"]
        await serving.wait_connected(0)
        assert await answers(serving.port, "192.0.2.1") == [b"101"]


async def test_nobody_passes_for_the_proxy_by_naming_a_second_client() -> None:
    async with open_server(trusted_proxy=("127.0.0.0/8",)) as serving:
        for forwarded in ("for=192.0.2.9", "for=unknown", "proto=http"):
            async with open_raw(serving.port) as peer:
                await peer.send(upgrade(x_forwarded_for="192.0.2.1", forwarded=forwarded))
                assert (await peer.receive_head())[9:12] == b"400", forwarded
        async with open_raw(serving.port) as peer:
            await peer.send(upgrade(x_forwarded_for="192.0.2.1", forwarded="for=192.0.2.1"))
            assert (await peer.receive_head())[9:12] == b"101"


async def test_the_field_of_somebody_else_is_ignored() -> None:
    async with open_server(trusted_proxy=("10.0.0.0/8",), max_connections_per_address=1) as serving:
        assert await answers(serving.port, "192.0.2.1", "192.0.2.2") == [b"101", b"503"]
