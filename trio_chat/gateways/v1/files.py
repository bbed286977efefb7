"""Files: beginning, forwarding and cancelling uploads, and messages with files. Their bytes come and go over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trio_chat.errors import Refused
from trio_chat.files.sweeper import EXPIRY_MS
from trio_chat.files.uploads import new_upload_id
from trio_chat.gateways.v1.events import write, write_event
from trio_chat.kinds.facts import PERSONAL_ROOM, no_such_room, personal_room
from trio_chat.kinds.files import file_of, unknown_file
from trio_chat.kinds.forms import timestamp
from trio_chat.kinds.rooms import check_has_settings
from trio_chat.kinds.standing import MODERATES, announcements
from trio_chat.model.file_names import normal_file_name
from trio_chat.model.files import Upload
from trio_chat.model.names import normal_room
from trio_chat.protocol.replies import Done, Uploading

if TYPE_CHECKING:
    from trio_chat.gateways.v1.client import Client
    from trio_chat.kinds.messages import Send
    from trio_chat.protocol import commands

CHUNK_BYTES: Final = 1024 * 1024
"""So much is best sent by one request: what nginx takes unless it is told otherwise."""


async def upload(client: Client, command: commands.UploadCommand) -> Uploading:
    """Begin an upload for a message in a room, or make one of a file of another message: for the same command always
    the same."""
    room = client.room(command.room)
    if room.kind == PERSONAL_ROOM:
        raise no_such_room()
    client.hub.door.check_upload(client.person.id, client.known_ms)
    if room.access.policy.writers == "moderators" and client.rank_in(room) < MODERATES:
        raise announcements()
    new_id = new_upload_id()
    if command.of is None:
        begun = await _begin(client, command, new_id)
    else:
        begun = await _forward(client, command, command.of, new_id)
    return await _told(client, command.id, begun)


async def upload_picture(client: Client, command: commands.UploadPicture) -> Uploading:
    """Begin to upload a picture of a room, or of the person: for the same command always the same.

    One of a room is refused to whom a message with a file would be; their own everybody may choose.
    """
    hub = client.hub
    if command.room is None:
        room = personal_room(client.person.id)
    else:
        joined = client.room(command.room)
        check_has_settings(joined.kind)
        hub.door.check_upload(client.person.id, client.known_ms)
        room = joined.name
    wanted = Upload(
        new_upload_id(), client.person.id, room, command.id, "picture", command.bytes, is_picture=True
    )
    begun = await hub.store.begin_upload(wanted, limits=hub.file_limits, at_ms=hub.now_ms())
    return await _told(client, command.id, begun)


async def _told(client: Client, command_id: str, begun: Upload) -> Uploading:
    return Uploading(
        command_id,
        begun.room,
        begun.id,
        offset=await client.hub.files.uploads.progress(begun),
        chunk=CHUNK_BYTES,
        expires=timestamp(begun.made_ms + EXPIRY_MS),
        complete=begun.is_finished,
    )


async def _begin(client: Client, command: commands.UploadCommand, new_id: str) -> Upload:
    if command.bytes is None:
        raise Refused(
            "bad_field", 'An upload needs "bytes", the size of the file, or "of", a file of a message.'
        )
    voice = command.voice
    wanted = Upload(
        new_id,
        client.person.id,
        command.room,
        command.id,
        normal_file_name(command.name),
        command.bytes,
        as_file=command.as_file,
        ms=0 if voice is None else voice.ms,
        peaks="" if voice is None else voice.peaks,
    )
    hub = client.hub
    return await hub.store.begin_upload(wanted, limits=hub.file_limits, at_ms=hub.now_ms())


async def _forward(
    client: Client, command: commands.UploadCommand, of: commands.FilePlace, new_id: str
) -> Upload:
    hub, source = client.hub, normal_room(of.room)
    if not await hub.rooms.may_hear(source, client.person.id):
        raise Refused("no_such_file", "This file is not there any more.")
    wanted = Upload(new_id, client.person.id, command.room, command.id, name="", bytes=0)
    return await hub.store.forward_file(
        wanted, source, of.seq, of.n, limits=hub.file_limits, at_ms=hub.now_ms()
    )


async def cancel_upload(client: Client, command: commands.CancelUpload) -> Done:
    """Forget an upload that was not sent, with what has come of it. It is fine if there is none."""
    await client.hub.files.uploads.drop(command.upload, person=client.person.id)
    return Done(command.id)


async def send(client: Client, command: Send) -> None:
    """Write a message. What its files are is looked up before, and whether they may be sent is judged in the log: so a
    repeat, when the uploads were sent long ago, says the same as the first time."""
    if not command.files:
        await write_event(client, command)
        return
    person = client.person
    uploads = {
        one.id: one
        for one in await client.hub.store.uploads([file.upload for file in command.files])
        if one.is_finished and one.person == person.id
    }
    files = tuple(
        file_of(uploads[file.upload], alt=file.alt) if file.upload in uploads else unknown_file(file.upload)
        for file in command.files
    )
    await write(client, command, *command.event_with(files))
