"""The pages beside the API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from leeward.config.tree import Settings
from leeward.desk.access import Access
from leeward.desk.app import Desk
from leeward.desk.ports import Derivatives, Records
from leeward.domain.ports import Clock
from leeward.domain.rule import Ruleset
from leeward.pages.headers import App
from leeward.playground.app import Playground
from leeward.playground.model import NAME, ScriptedModel
from leeward.wiring.demo import BURST_KEY, MODEL_PATH, is_scripted

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def pages_of(
    settings: Settings,
    desk_token: str,
    records: Records,
    clock: Clock,
    rulesets: Iterable[Ruleset],
    derivatives: Derivatives,
) -> Mapping[str, App]:
    """Return the pages by path prefix; `/` stands for itself alone.

    Raises:
        SettingsError: If the desk token is too short.
    """
    names = {rule.id: rule.name for ruleset in rulesets for rule in ruleset.rules}
    burst_key = BURST_KEY if is_scripted(settings) else ""
    playground = Playground(names, burst_key=burst_key, model=NAME if settings.demo else "")
    access = access_to_desk(settings, desk_token)
    desk = Desk(records, clock=clock, access=access, rule_names=names, derivatives=derivatives)
    pages: dict[str, App] = {"/": playground, "/playground": playground, "/desk": desk}
    if settings.demo:
        pages[MODEL_PATH] = ScriptedModel(MODEL_PATH)
    return pages


def access_to_desk(settings: Settings, token: str) -> Access:
    """Return who may see the desk.

    Raises:
        SettingsError: If the token is too short.
    """
    if token:
        return Access.by_token(token)
    if is_scripted(settings):
        return Access.open_to_all()
    return Access.this_machine() if settings.server.host in LOOPBACK else Access.closed()
