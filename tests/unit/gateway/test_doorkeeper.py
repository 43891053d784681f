from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal

import pytest

from leeward.domain.caller import Caller
from leeward.errors import WireError
from leeward.gateway.doorkeeper import Doorkeeper, header

SECRET = b"lw_" + b"a" * 40
KNOWN = Caller(tenant="acme", key="k1", use={"purpose": "research"})


class Keys:
    """Knows what it is given."""

    def __init__(self, known: Mapping[bytes, Caller]) -> None:
        self._known = {hashlib.sha256(secret).digest(): caller for secret, caller in known.items()}

    def caller_of(self, secret_hash: bytes) -> Caller | None:
        return self._known.get(secret_hash)

    def is_empty(self) -> bool:
        return not self._known


def keeper(
    mode: Literal["auto", "required", "open"] = "auto",
    known: Mapping[bytes, Caller] | None = None,
    uses: Mapping[str, Mapping[str, str | int | bool]] | None = None,
    secret: bytes = b"p" * 32,
) -> Doorkeeper:
    keys = Keys({SECRET: KNOWN} if known is None else known)
    return Doorkeeper(keys, mode=mode, pseudonym_key=secret, uses=uses or {})


@pytest.mark.parametrize("scheme", [b"Bearer ", b"bearer ", b"BEARER  "])
@pytest.mark.parametrize("mode", ["auto", "required", "open"])
def test_a_known_key_says_who_is_calling(mode: Literal["auto", "required", "open"], scheme: bytes) -> None:
    assert keeper(mode).caller_of(scheme + SECRET) == KNOWN


@pytest.mark.parametrize("mode", ["auto", "required", "open"])
def test_an_unknown_key_of_ours_is_refused_even_when_none_is_asked_for(
    mode: Literal["auto", "required", "open"],
) -> None:
    with pytest.raises(WireError, match="unknown or was revoked") as refused:
        keeper(mode, known={}).caller_of(b"Bearer lw_other")

    assert (refused.value.status, refused.value.code) == (401, "invalid_api_key")


@pytest.mark.parametrize("sent", [None, b"", b"Basic lw_x", b"Bearer sk-of-another-house", b"lw_without_scheme"])
@pytest.mark.parametrize(("mode", "known"), [("required", {}), ("required", None), ("auto", None)])
def test_whoever_brings_no_key_of_ours_is_asked_for_one(
    sent: bytes | None, mode: Literal["auto", "required"], known: Mapping[bytes, Caller] | None
) -> None:
    with pytest.raises(WireError, match="Send a Leeward API key"):
        keeper(mode, known).caller_of(sent)


@pytest.mark.parametrize("sent", [None, b"Bearer sk-of-another-house"])
@pytest.mark.parametrize(("mode", "known"), [("open", None), ("auto", {})])
def test_where_no_key_is_asked_for_everybody_is_the_default_tenant(
    sent: bytes | None, mode: Literal["auto", "open"], known: Mapping[bytes, Caller] | None
) -> None:
    assert keeper(mode, known).caller_of(sent) == Caller()


def test_what_a_tenant_declares_goes_with_its_callers_and_the_key_wins() -> None:
    uses = {"acme": {"purpose": "production", "seats": 3}, "default": {"seats": 1}}

    assert keeper(uses=uses).caller_of(b"Bearer " + SECRET).use == {"purpose": "research", "seats": 3}
    assert keeper("open", uses=uses).caller_of(None).use == {"seats": 1}


def test_an_end_user_becomes_a_pseudonym_that_is_the_tenants_own() -> None:
    door = keeper()
    anna = door.with_end_user(KNOWN, "anna").end_user

    assert anna == door.with_end_user(KNOWN, "anna").end_user
    assert "anna" not in anna
    assert len(anna) == 24
    others = [
        door.with_end_user(KNOWN, "ben").end_user,
        door.with_end_user(Caller(tenant="bank"), "anna").end_user,
        keeper(secret=b"q" * 32).with_end_user(KNOWN, "anna").end_user,
    ]
    assert len({anna, *others}) == 4


def test_tenant_and_user_cannot_be_shifted_into_one_another() -> None:
    door = keeper()

    assert door.with_end_user(Caller(tenant="ab"), "c") != door.with_end_user(Caller(tenant="a"), "bc")


def test_any_string_can_be_an_end_user_and_none_is_none() -> None:
    assert keeper().with_end_user(KNOWN, "\ud800").end_user
    assert keeper().with_end_user(KNOWN, "") is KNOWN


def test_the_first_header_of_a_name_counts() -> None:
    assert header([(b"a", b"1"), (b"b", b"2"), (b"b", b"3")], b"b") == b"2"
    assert header([], b"b") is None
