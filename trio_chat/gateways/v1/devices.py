"""Devices of the person: logging in, linking another one, recovering, logging out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.errors import LOGGED_OUT, Refused
from trio_chat.gateways.v1.invitations import Recommendation, find_recommendation
from trio_chat.kinds.forms import timestamp
from trio_chat.kinds.newcomers import NOT_YET
from trio_chat.kinds.standing import KNOCKING
from trio_chat.people.device_codes import LIFE_S
from trio_chat.people.devices import device_name
from trio_chat.protocol.parts import DeviceItem, user_of
from trio_chat.protocol.replies import DevicesOf, Done, LinkCode, LinkPeeked, RecoveryCode

if TYPE_CHECKING:
    from trio_chat.gateways.v1.client import Client
    from trio_chat.model.records import Device, Login
    from trio_chat.protocol import commands


async def log_in(client: Client, command: commands.Hello) -> tuple[Login, str | None]:
    """Log the client in: by a name, a token, a device code or the recovery code; and its new token, if it gets one."""
    devices = client.hub.devices
    name = device_name(command.device)
    has_code = command.link is not None or command.recover is not None
    with devices.logging_in() as logged_out:
        if command.token is None or has_code:
            login, new_token = await _add_device(client, command, name or "")
        else:
            try:
                login = await devices.authenticate(command.token)
            except Refused:
                raise devices.unknown_token(command.server) from None
            new_token = await devices.note_login(login, command.token, name=name, may_replace=command.rotate)
        if login.device.id in logged_out:
            raise devices.unknown_token()
        if command.token is not None or has_code:
            client.admission.settle(is_known=True)
        if client.session.person is not None:  # they waited to be let in
            client.log_out()
        client.log_in(login.person, login.device.id, login.known_ms)
    return login, new_token


async def _add_device(client: Client, command: commands.Hello, name: str) -> tuple[Login, str | None]:
    hub = client.hub
    if command.link is not None:
        token = await hub.devices.add_by_device_code(command.link, address=client.address, name=name)
    elif command.recover is not None:
        token = await hub.devices.add_by_recovery_code(command.recover, address=client.address, name=name)
    else:
        return await _register(client, command, name)
    return await hub.devices.authenticate(token), token


async def _register(client: Client, command: commands.Hello, name: str) -> tuple[Login, str]:
    """Register somebody new, if that may be, with a device of this name. Raises `Refused`."""
    hub = client.hub
    found = Recommendation() if command.invite is None else await find_recommendation(hub, command.invite)
    if not found.is_of_operator:  # whoever will own the server comes in always
        hub.door.check_newcomer(client.address, is_invited=found.by is not None)
    client.admission.settle(is_known=False)
    await hub.counts.check_new_person(client.address)
    known_ms = NOT_YET if hub.door.server.mode == KNOCKING else None
    return await hub.people.register(command.name, device_name=name, known_ms=known_ms, invited_by=found.by)


async def link(client: Client, command: commands.Link) -> LinkCode:
    """Make a code for another device of the person."""
    return LinkCode(command.id, await client.hub.devices.make_device_code(client.person), LIFE_S)


async def peek_link(client: Client, command: commands.PeekLink) -> LinkPeeked:
    """Say whom a code stands for."""
    profile = await client.hub.devices.whose(
        device_code=command.link, recovery_code=command.recover, address=client.address
    )
    return LinkPeeked(command.id, user_of(profile.person))


async def recovery(client: Client, command: commands.MakeRecoveryCode) -> RecoveryCode:
    """Make a recovery code."""
    return RecoveryCode(command.id, await client.hub.devices.make_recovery_code(client.person))


async def devices(client: Client, command: commands.AskDevices) -> DevicesOf:
    """List the devices of the person."""
    found, recovery_ms = await client.hub.devices.of_person(client.person)
    here = client.hub.connected.devices(client.person.id) | client.hub.presence.nodes.devices(
        client.person.id
    )
    items = [_item(device, client.device, is_here=device.id in here) for device in found]
    return DevicesOf(command.id, items, None if recovery_ms is None else timestamp(recovery_ms))


def _item(device: Device, own: str, *, is_here: bool) -> DeviceItem:
    return DeviceItem(
        id=device.id,
        name=device.name,
        created=timestamp(device.created_ms) if device.created_ms else None,
        used=timestamp(device.used_ms) if device.used_ms else None,
        here=is_here,
        this=device.id == own,
    )


async def log_out(client: Client, command: commands.LogOut) -> Done:
    """Log out a device, or all others. This one's connection ends behind the answer."""
    if (command.device is None) is not command.all:
        raise Refused("bad_field", "Name a device to log out, or say all, for all others.")
    await client.hub.devices.log_out(
        client.person, only=command.device, but=client.device if command.all else None
    )
    person = client.person.id
    client.hub.security.token_revoked(person, by=person, device=command.device or "all others")
    if command.device == client.device:
        client.cut(LOGGED_OUT)
    return Done(command.id)
