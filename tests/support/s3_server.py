"""A server that speaks S3: moto's, as a process of its own.

    python -m tests.support.s3_server

It tells its port in a line, and ends with its stdin.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import attrs

from trio_chat.blobs.places import S3Place
from trio_chat.blobs.s3_client import make_client

if TYPE_CHECKING:
    from collections.abc import Iterator

CREDENTIALS: Final = {
    "AWS_ACCESS_KEY_ID": "kite",
    "AWS_SECRET_ACCESS_KEY": "red",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}
"""An environment that has credentials, and no others by chance."""


@attrs.frozen(slots=False)
class S3Server:
    """A running server."""

    endpoint: str
    _numbers: Iterator[int] = attrs.field(factory=lambda: itertools.count(1))

    def bucket(self) -> S3Place:
        """A place in a new bucket."""
        place = S3Place(f"chat-{next(self._numbers)}", "files/", self.endpoint)
        self._ask("PUT", place.bucket)
        return place

    @cached_property
    def client(self) -> Any:  # noqa: ANN401
        """A client for all places, for making one takes a while."""
        return make_client(S3Place("chat", endpoint=self.endpoint))

    def check_credentials(self, *, is_on: bool) -> None:
        """From now on nobody is let in, as it knows nobody; or everybody."""
        self._ask("POST", "moto-api/reset-auth", b"0" if is_on else b"inf")

    def _ask(self, method: str, path: str, data: bytes | None = None) -> None:
        request = urllib.request.Request(f"{self.endpoint}/{path}", data, method=method)
        request.add_header("content-type", "text/plain")
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()


@contextmanager
def running_s3() -> Iterator[S3Server]:
    """A server, as long as the block lasts."""
    command = [sys.executable, "-m", "tests.support.s3_server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        try:
            yield S3Server(f"http://127.0.0.1:{port}")
        finally:
            process.communicate()


def main() -> None:
    """Serve until stdin ends."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    print(server.get_host_and_port()[1], flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
