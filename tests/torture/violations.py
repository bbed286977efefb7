"""Violations: the rules that a history can break, and how a broken one is reported."""

from __future__ import annotations

import enum

import attrs


class Rule(enum.Enum):
    """Rules of the checker; the value says how each was broken."""

    LOST = "a message was acknowledged and is not in the log"
    MISNUMBERED = "a message stands elsewhere in the log than its acknowledgement said"
    DOUBLED = "a message is in the log twice"
    FOREIGN = "a message is in the log that nobody sent"
    REFUSED_YET_LOGGED = "a message is in the log that was refused each time it was sent"
    UNANSWERED = "a command was never answered, although its sender went on asking"
    UNEXPECTED = "a command was refused for no reason"
    HOLE = "the log's numbers are not 1, 2, 3, …"
    GAP = "a client was not told the next message, and not told that it begins anew"
    RESET_MISSING = "a client was not told that what it holds is of no use"
    RESET_NEEDLESS = "a client was told to begin anew for no reason"
    UNEQUAL = "a client was told something else than what is in the log"
    DISAGREE = "two clients were told different messages under one number"
    SENDER_ORDER = "a sender's messages are not in the order in which it sent them"
    REAL_TIME = "a message stands before one that was in the log when it was first sent"
    REPEAT = "a command's repeats were answered with different numbers"
    CONFLICT_ACCEPTED = "another text was accepted under an id that was used"
    CONFLICT_INVENTED = "a repeat was refused as if it said something else"
    DIVERGED = "what a client holds at the end is not what somebody new is told"
    VOIDED = "a new epoch began although nobody damaged the log"
    FORGOTTEN = "a person was forgotten although nobody damaged the log"
    LOAD = "what somebody new is told is not what the database holds"
    FORBIDDEN = "something is in the log that the rules forbid"
    SECRET = "somebody was told of a room that is not theirs"
    DELETED_TOLD = "a deleted text was told after its deletion was acknowledged"
    REMAINS = "a deleted text stands in the files at the end"
    BLOB = "a file is missing, is something else than was sent, or is there although nothing needs it"
    MARK_BACK = "a mark went back"
    MARK_INVENTED = "a mark is further than its person ever said, or than the log"
    LISTED = "what a person is told of their rooms is not what follows from the logs"
    TROUBLE = "something happened that must never happen"


@attrs.frozen
class Violation:
    """A rule that a history breaks. Two are equal if rule, room and subject are, whatever the numbers are."""

    rule: Rule
    room: str
    subject: str
    """What it is about: a text, a client, a person or a number."""
    detail: str = attrs.field(eq=False)

    def __str__(self) -> str:
        where = f"{self.room}, " if self.room else ""
        return f"{self.rule.name}: {self.rule.value} ({where}{self.subject}): {self.detail}"
