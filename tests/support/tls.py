"""Certificates of an authority of the tests' own, and clients that trust it."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import trio
import trustme

from tests.support.raw import PATIENCE_S, RawPeer, open_raw

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

HOST = "chat.example"


@attrs.frozen
class Authority:
    """An authority, and the two files of a server's certificate that it signed."""

    ca: trustme.CA
    host: str
    certificate: Path
    key: Path

    def renew(self) -> None:
        """Write another certificate into the files."""
        issued = self.ca.issue_cert(self.host, "localhost", "127.0.0.1")
        self.key.write_bytes(issued.private_key_pem.bytes())
        self.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))

    def client_context(self, *alpn: str) -> ssl.SSLContext:
        """The context of a client that trusts it."""
        context = ssl.create_default_context()
        self.ca.configure_trust(context)
        if alpn:
            context.set_alpn_protocols(alpn)
        return context


def make_authority(folder: Path, host: str = HOST) -> Authority:
    """Make an authority and a first certificate for this host, in files in this folder."""
    authority = Authority(trustme.CA(), host, folder / "certificate.pem", folder / "key.pem")
    authority.renew()
    return authority


@asynccontextmanager
async def open_tls(
    port: int, context: ssl.SSLContext, *, receive_buffer: int = 0
) -> AsyncIterator[tuple[RawPeer, trio.SSLStream[trio.SocketStream]]]:
    """Open a connection and do the handshake of TLS; cut off on leaving."""
    async with open_raw(port, receive_buffer=receive_buffer) as peer:
        stream = trio.SSLStream(peer.stream, context, server_hostname=HOST)
        with trio.fail_after(PATIENCE_S):
            await stream.do_handshake()
        yield RawPeer(peer.stream, stream), stream
