"""Who may see the desk."""

from __future__ import annotations

import pytest

from leeward.desk.access import COOKIE, SESSION_SECONDS, Access, Door, is_from_this_machine
from leeward.errors import SettingsError

TOKEN = "correct-horse-battery"
NOW = 1_760_000_000.0


def _scope(client: str = "127.0.0.1", host: str = "127.0.0.1:8080", **headers: str) -> dict[str, object]:
    told = [(b"host", host.encode())]
    told += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"client": (client, 4_000), "headers": told}


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:8080"])
def test_a_request_of_this_machine_to_a_name_of_it_is_from_here(host):
    assert is_from_this_machine(_scope(host=host))


@pytest.mark.parametrize(
    "scope",
    [
        _scope(client="10.0.0.7"),
        _scope(host="evil.example"),
        _scope(host="127.0.0.1.evil.example"),
        _scope(host=""),
        _scope(x_forwarded_for="10.0.0.7"),
        _scope(forwarded="for=10.0.0.7"),
        _scope(x_real_ip="10.0.0.7"),
        {"client": None, "headers": [(b"host", b"localhost")]},
    ],
)
def test_other_machines_other_names_and_proxies_are_not_from_here(scope):
    assert not is_from_this_machine(scope)
    assert not Access.this_machine().admits(scope, NOW)


def test_an_open_desk_admits_anyone_and_a_closed_one_nobody():
    assert Access.open_to_all().admits(_scope(client="10.0.0.7"), NOW)
    assert not Access.closed().admits(_scope(), NOW)


def test_a_desk_with_a_token_admits_nobody_without_a_session():
    assert not Access.by_token(TOKEN).admits(_scope(), NOW)


def test_a_session_admits_until_it_ends():
    access = Access.by_token(TOKEN)
    scope = _scope(cookie=f"a=b; {COOKIE}={access.session(NOW)}")

    assert access.admits(scope, NOW)
    assert access.admits(scope, NOW + SESSION_SECONDS - 1)
    assert not access.admits(scope, NOW + SESSION_SECONDS + 1)


def test_a_session_of_another_token_does_not_admit():
    scope = _scope(cookie=f"{COOKIE}={Access.by_token('another-token-of-many').session(NOW)}")

    assert not Access.by_token(TOKEN).admits(scope, NOW)


@pytest.mark.parametrize("change", ["9", "x", "-1", "9" * 40, "", "é"])
def test_a_session_whose_end_was_changed_does_not_admit(change):
    access = Access.by_token(TOKEN)
    _, _, signature = access.session(NOW).partition(".")

    assert not access.admits(_scope(cookie=f"{COOKIE}={change}.{signature}"), NOW)


def test_only_the_token_itself_is_the_token():
    access = Access.by_token(TOKEN)

    assert access.is_token(TOKEN)
    assert not access.is_token(TOKEN + " ")
    assert not access.is_token("")
    assert not access.is_token("\ud800")


@pytest.mark.parametrize("access", [Access.open_to_all(), Access.closed(), Access.this_machine()])
def test_without_a_token_no_word_is_the_token(access):
    assert not access.is_token("")


def test_a_short_token_is_refused_with_what_to_do():
    with pytest.raises(SettingsError) as refused:
        Access.by_token("short")

    assert "LEEWARD_DESK_TOKEN" in refused.value.remedy


def test_the_token_is_not_in_what_is_printed():
    assert TOKEN not in repr(Access.by_token(TOKEN))
    assert Access.by_token(TOKEN).door is Door.TOKEN
