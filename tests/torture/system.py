"""What is tortured: one server with its log in a file, or several nodes over one database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.torture.process import ServerProcess


class System(Protocol):
    """Servers, and the log that they have in common; with all that can be done to them."""

    @property
    def servers(self) -> Sequence[ServerProcess]:
        """The servers, running or not."""

    @property
    def fault_names(self) -> Sequence[str]:
        """Names of the faults of this run, beside those of the network."""

    async def inject(self, name: str) -> str | None:
        """Inject a fault once, and heal it; the proof that it hit, None if it did not. Raises `ServerDied`."""

    async def heal(self) -> None:
        """Undo what faults have left, after the last one."""

    def read_heads(self) -> dict[str, tuple[int, list[str]]]:
        """Last number and members' ids of each room; while the servers run."""

    def read_last_messages(self) -> dict[str, int]:
        """Number of each room's last message; while the servers run."""

    async def stop(self) -> None:
        """Stop all servers politely, and record what files are kept."""

    async def read_end(self) -> None:
        """Record the final logs, whether they are whole, and what should not be there any more; after `stop`."""

    def log_text(self) -> str:
        """What the servers wrote to stderr."""
