"""Rules for names of people and rooms, for titles and client ids.

Each function returns the normal form, or raises `Refused` with a sentence that says what to change.
The rules for letters are not ours: names of people follow the Nickname profile of PRECIS (RFC 8266), names of
rooms its identifier class (RFC 8264 section 4.2).

Pure.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from precis_i18n import get_profile

from trio_chat.errors import Refused
from trio_chat.model.name_words import ANIMALS, QUALITIES
from trio_chat.model.texts import MAX_NAME_CHARS, check_marks, is_visible, normal_line
from trio_chat.model.times import DAY_MS

if TYPE_CHECKING:
    from random import Random

MAX_ROOM_CHARS = 64
MAX_ID_CHARS = 64
MAX_TITLE_CHARS = 80

KEPT_NAMES = 3
"""So many of the names that a person gave up are kept for them, the latest, and nobody else can take them."""

KEPT_NAME_MS = 30 * DAY_MS
"""How long: until everybody has got used to the new one."""

MAX_RAW_CHARS = 200
"""A longer name is refused unread; 40 characters written with separate combining marks, and spaces, fit."""

_NICKNAME = get_profile("NicknameCasePreserved")
_NICKNAME_KEY = get_profile("NicknameCaseMapped:CaseFold")
_ROOM = get_profile("UsernameCaseMapped:CaseFold")

# Phones write a simple heart as a heart and a variation selector, which PRECIS disallows and nobody can see
# or leave out. And the braille blank counts as a symbol there, but looks like a space.
_PRE_NORMALISE = {0xFE0E: None, 0xFE0F: None, 0x2800: " "}

_MADE_BY_SERVER = re.compile(r"~[A-Za-z0-9_-]{1,63}")

_PLAIN_NAME = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*")
"""Names of which the profiles change nothing but the case, as most are: PRECIS takes 20 µs for one."""

_CACHED_ROOMS = 1_024
"""Names of rooms whose normal form is remembered: each command has one, and mostly the same."""

_ZERO_WIDTH_JOINER = "\u200d"


def normal_name(raw: str) -> tuple[str, str]:
    """A person's name as it is shown, and its key, under which it is unique whatever its case.

    Raises `Refused` (``bad_name``).
    """
    if len(raw) <= MAX_NAME_CHARS and _PLAIN_NAME.fullmatch(raw):
        return raw, raw.lower()
    return name_by_profile(raw)


def name_by_profile(raw: str) -> tuple[str, str]:
    """The same by the profiles alone, whatever the name."""
    legible = raw[: MAX_RAW_CHARS + 1].translate(_PRE_NORMALISE)
    # Looking at each character is what costs, so the length is checked before.
    if len(raw) > MAX_RAW_CHARS or len(_NICKNAME.apply_five_rules(legible)) > MAX_NAME_CHARS:
        raise Refused("bad_name", f"A name has at most {MAX_NAME_CHARS} characters.")
    try:
        name = _NICKNAME.enforce(legible)
    except UnicodeEncodeError as error:
        raise Refused("bad_name", _why_bad_name(error)) from None
    check_marks(name, "bad_name", "A name")
    if not any(unicodedata.category(char)[0] in "LNPS" for char in name):
        raise Refused("bad_name", "A name needs at least one letter, digit or symbol.")
    # The rules are applied twice, as they are not idempotent (RFC 8266 section 2.4). Which characters there
    # are has been checked above, and is nearly all of the cost.
    return name, _NICKNAME_KEY.apply_five_rules(_NICKNAME_KEY.apply_five_rules(name))


def beginning_of_key(raw: str) -> str:
    """With what the keys of names begin that begin with this text."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", raw).casefold()).lstrip()


def generated_name(random: Random) -> str:
    """Friendly name of two words for somebody who gave none. Not unique: there are some thousands."""
    return f"{random.choice(QUALITIES)} {random.choice(ANIMALS)}"


def normal_room(raw: str) -> str:
    """Normal form of a room's name. Raises `Refused` (``bad_room``).

    Names that begin with ``~`` are made by the server, for rooms that are not public, and are normal already.
    """
    if _MADE_BY_SERVER.fullmatch(raw):
        return raw
    if not 1 <= len(raw) <= MAX_ROOM_CHARS:
        raise Refused("bad_room", f"A room's name has 1 to {MAX_ROOM_CHARS} characters.")
    return _normal_room(raw)


@lru_cache(_CACHED_ROOMS)
def _normal_room(raw: str) -> str:
    try:
        room = _ROOM.enforce(raw)
    except UnicodeEncodeError as error:
        if error.reason.endswith("/bidi_rule"):
            why = "A room's name cannot mix writing from right to left with writing from left to right."
            raise Refused("bad_room", why) from None
        raise _bad_room() from None
    if not all(char in "-_." or char.isalnum() or unicodedata.category(char)[0] == "M" for char in room):
        raise _bad_room()
    if room.startswith("."):
        raise Refused("bad_room", "A room's name cannot start with a dot.")
    if len(room) > MAX_ROOM_CHARS:  # normalising can lengthen it
        raise Refused("bad_room", f"A room's name has 1 to {MAX_ROOM_CHARS} characters.")
    if not room.isascii():
        check_marks(room, "bad_room", "A room's name")
    return room


def check_title(raw: str) -> str:
    """Normal form of a room's title. Raises `Refused` (``bad_title``)."""
    title = normal_line(raw, "bad_title", "A title")
    if not 1 <= len(title) <= MAX_TITLE_CHARS or not is_visible(title):
        raise Refused("bad_title", f"A title has 1 to {MAX_TITLE_CHARS} characters that can be seen.")
    return title


def check_client_id(raw: str) -> None:
    """Check a client id, the client's idempotency key for a command. Raises `Refused` (``bad_id``)."""
    if not (1 <= len(raw) <= MAX_ID_CHARS and raw.isprintable()):
        raise Refused("bad_id", f"An id has 1 to {MAX_ID_CHARS} characters, all of them printable.")


def _bad_room() -> Refused:
    return Refused(
        "bad_room", "A room's name has only letters, digits, - (minus), _ (underscore) and . (dot)."
    )


def _why_bad_name(error: UnicodeEncodeError) -> str:
    """The profile's objection, in words for the person who typed the name."""
    if error.reason.endswith("/empty"):
        return "A name needs at least one character."
    char = error.object[error.start]
    if char == _ZERO_WIDTH_JOINER:
        return "A name cannot have an emoji made of several, such as a family. Simple emoji are welcome."
    match unicodedata.category(char):
        case "Cc" | "Zl" | "Zp":
            return "A name cannot have line breaks, tabs or other control characters."
        case "Cf" | "Mn":
            return f"A name cannot have invisible characters; there is a {_called(char)}."
        case _:
            return f"A name cannot have the character {_called(char)} in this place."


def _called(char: str) -> str:
    return unicodedata.name(char, "").lower() or f"U+{ord(char):04X}"
