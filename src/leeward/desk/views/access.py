"""Pages for those who are not let in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class AskToken:
    """Asks for the desk token.

    Attributes:
        was_wrong: Whether a token was given that is not the one.
    """

    template: ClassVar[str] = "access/ask.html"
    status: ClassVar[int] = 401

    was_wrong: bool = False
    can_leave: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Says why nobody is let in, or why a page cannot be shown, and what to do."""

    template: ClassVar[str] = "access/refused.html"

    status: int
    title: str
    reason: str
    remedy: str
    can_leave: bool = False


CLOSED = Refused(
    403,
    "The desk is closed",
    "This gateway can be reached from other machines, and no desk token is set.",
    "Set the environment variable LEEWARD_DESK_TOKEN to at least 16 random characters and start the gateway again.",
)
ELSEWHERE = Refused(
    403,
    "The desk is open on its own machine only",
    "This request came from another machine, through a proxy, or under a name that is not this machine's.",
    "Open http://127.0.0.1 with the gateway's port on the machine itself, or set LEEWARD_DESK_TOKEN "
    "to at least 16 random characters and start the gateway again.",
)
NOT_FOUND = Refused(
    404,
    "There is no such page",
    "No record has this decision id, or it is too old to be kept.",
    "Check the id: it has 26 characters and stands in the header x-leeward-decision-id of the reply.",
)
NO_ENTRY = Refused(
    404,
    "There is no such entry",
    "The registry of derivatives has no entry with this id.",
    "Look for the model under Licences, or type: leeward licence registry list --all",
)
STORE_SILENT = Refused(
    503,
    "The records cannot be read",
    "The store did not answer. Exchanges are refused or recorded later, as the settings say.",
    "Look at the gateway's log and at the database, then reload this page.",
)
