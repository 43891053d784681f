"""The pages beside the API."""

from __future__ import annotations

import pytest

from leeward.config.tree import Server, Settings, UpstreamTable
from leeward.desk.access import Door
from leeward.errors import SettingsError
from leeward.wiring.pages import access_to_desk

REAL = (UpstreamTable(name="real", url="http://127.0.0.1:8000/v1"),)
OUTSIDE = Server(host="0.0.0.0")
TOKEN = "correct-horse-battery"


@pytest.mark.parametrize(
    ("settings", "token", "door"),
    [
        (Settings(upstream=REAL), "", Door.THIS_MACHINE),
        (Settings(upstream=REAL, server=OUTSIDE), "", Door.CLOSED),
        (Settings(upstream=REAL, server=OUTSIDE, demo=True), "", Door.CLOSED),
        (Settings(server=OUTSIDE, demo=True), "", Door.OPEN),
        (Settings(upstream=REAL, server=OUTSIDE), TOKEN, Door.TOKEN),
        (Settings(upstream=REAL), TOKEN, Door.TOKEN),
        (Settings(demo=True), TOKEN, Door.TOKEN),
    ],
)
def test_the_desk_is_never_open_to_others_by_accident(settings, token, door):
    assert access_to_desk(settings, token).door is door


def test_a_short_desk_token_keeps_the_gateway_from_starting():
    with pytest.raises(SettingsError):
        access_to_desk(Settings(upstream=REAL), "short")
