"""The table of handlers: which commands there are, and who carries out which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trio_chat.gateways.v1 import (
    client,
    devices,
    direct,
    events,
    files,
    history,
    invitations,
    link_previews,
    moderation,
    people,
    presence,
    rooms,
    search,
)
from trio_chat.kinds import messages
from trio_chat.kinds.table import COMMANDS
from trio_chat.protocol import commands
from trio_chat.protocol.commands import CommandDecoder

if TYPE_CHECKING:
    from trio_chat.gateways.v1.client import Handler
    from trio_chat.kinds.forms import Command

HANDLERS: Final[dict[type[Command], Handler]] = {
    commands.Hello: people.greet,
    commands.Pinging: client.ping,
    # events
    **dict.fromkeys(COMMANDS, events.write_event),
    messages.Send: files.send,
    commands.UploadCommand: files.upload,
    commands.UploadPicture: files.upload_picture,
    commands.CancelUpload: files.cancel_upload,
    # history
    commands.History: history.history,
    commands.Fetch: history.fetch,
    commands.AskReactions: history.reactions,
    commands.Versions: history.versions,
    commands.Search: search.search,
    commands.AskPreview: link_previews.preview,
    # rooms
    commands.Join: rooms.join,
    commands.Follow: rooms.follow,
    commands.Leave: rooms.leave,
    commands.Create: rooms.create,
    commands.Direct: direct.direct,
    commands.AskRequests: direct.requests,
    commands.AnswerRequest: direct.answer_request,
    commands.Enter: rooms.enter,
    commands.Admit: rooms.admit,
    commands.Info: rooms.info,
    commands.AskListing: rooms.listing,
    commands.Directory: rooms.directory,
    commands.Invite: invitations.invite,
    commands.Invites: invitations.invites,
    commands.Uninvite: invitations.uninvite,
    commands.Peek: invitations.peek,
    commands.Accept: invitations.accept,
    # who runs the server
    commands.BecomeOwner: moderation.become_owner,
    commands.ReportCommand: moderation.report,
    commands.Reports: moderation.reports,
    commands.ResolveCommand: moderation.resolve,
    commands.WipeCommand: moderation.wipe,
    commands.AskBranch: moderation.branch,
    # people
    commands.AskOwn: people.own,
    commands.Rename: people.rename,
    commands.SetProfile: people.profile,
    commands.AskPeople: people.people,
    commands.Mentionable: people.mentionable,
    # devices
    commands.Link: devices.link,
    commands.PeekLink: devices.peek_link,
    commands.MakeRecoveryCode: devices.recovery,
    commands.AskDevices: devices.devices,
    commands.LogOut: devices.log_out,
    # presence, typing, receipts
    commands.Watch: presence.watch,
    commands.Typing: presence.typing,
    commands.Mark: presence.mark,
    commands.Receipts: presence.receipts,
}
"""Who carries out which command. A command that is not here is none: what is understood follows from this table."""

DECODER: Final = CommandDecoder(HANDLERS)
