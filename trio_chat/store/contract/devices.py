"""The part of a store that knows devices and recovery codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from trio_chat.model.records import Device, Login, ServerIdentity


class DeviceTable(Protocol):
    """Devices: what people are logged in on, with the hashes of their tokens; and their recovery codes.

    A device has one token, or two while the newer of them replaces the other.
    """

    async def server_identity(self) -> ServerIdentity:
        """Who this log is to clients: made with it, and the same for as long as it lives, in copies as well."""
        ...

    async def add_device(
        self, person_id: str, device: Device, *, token_hash: bytes, max_devices: int
    ) -> list[str]:
        """Save one more device of a person; returns the ids of those removed as they were too many, the least recently
        used. Raises `KeyError` if there is no such person: a bug."""
        ...

    async def find_login(self, token_hash: bytes) -> Login | None:
        """Whose token has this hash; None if there is none."""
        ...

    async def use_device(
        self,
        token_hash: bytes,
        at_ms: int,
        *,
        name: str | None = None,
        next_hash: bytes | None = None,
        is_settled: bool = False,
    ) -> bool:
        """Save that the device of this token was used at this moment, and its new ``name``. ``next_hash`` is that of a
        token which is valid as well from now on; ``is_settled`` removes the tokens that this one replaces. False if
        there is no such token (any more), and then nothing was written."""
        ...

    async def note_devices_used(self, ids: Collection[str], at_ms: int) -> None:
        """Save that these devices were in use at this moment."""
        ...

    async def gone_devices(self, ids: Collection[str]) -> list[str]:
        """Those of these devices that were logged out, and are not there any more."""
        ...

    async def devices(self, person_id: str) -> list[Device]:
        """Devices of a person, the one used last first."""
        ...

    async def remove_devices(
        self, person_id: str, *, only: str | None = None, but: str | None = None
    ) -> list[str]:
        """Remove a person's devices with their tokens: ``only`` this one, all ``but`` this one; and the person's device
        codes, as one of those may have made them. Returns the devices' ids."""
        ...

    async def add_device_code(
        self, person: str, code_hash: bytes, *, at_ms: int, ends_ms: int, max_codes: int
    ) -> None:
        """Save the hash of a device code of a person, good until ``ends_ms``; of more than ``max_codes`` the oldest go.
        Raises `KeyError` if there is no such person: a bug."""
        ...

    async def find_device_code(self, code_hash: bytes, *, at_ms: int) -> str | None:
        """Id of the person whose device code has this hash and is good at this moment; None if there is none."""
        ...

    async def use_device_code(self, code_hash: bytes, *, at_ms: int) -> str | None:
        """As `find_device_code`, and the code is used up: of many who ask at once, one is told the person."""
        ...

    async def charge_guess(self, source: bytes, at_ms: int, *, per_guess_ms: int, at_once: int) -> int:
        """Count a code that is tried from this source at this moment: 0, or in how many milliseconds the source may try
        again, and then nothing was counted. In each ``per_guess_ms`` a source may try once, and ``at_once`` so often
        after a quiet time; all that have used that up share as much again."""
        ...

    async def set_recovery_code(self, person_id: str, code_hash: bytes, at_ms: int) -> None:
        """Save the hash of a person's recovery code, in place of an earlier one."""
        ...

    async def recovery_code_made(self, person_id: str) -> int | None:
        """When the person's recovery code was made; None if there is none."""
        ...

    async def find_recovery_code(self, code_hash: bytes) -> str | None:
        """Id of the person whose recovery code has this hash; None if there is none."""
        ...
