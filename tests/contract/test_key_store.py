"""The contract of the key store, over memory, SQLite and PostgreSQL."""

from __future__ import annotations

import hashlib
import re

import pytest

from leeward.domain.caller import Caller
from leeward.errors import StorageError
from leeward.storage.memory import MemoryStore
from leeward.storage.sql import SqlStore
from services_fixtures import START, SetClock

Store = MemoryStore | SqlStore


def sha256(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def test_a_new_key_is_recognised_by_the_hash_of_its_secret(store: Store) -> None:
    use = {"actor_type": "company", "seats": 12, "commercial": True}
    key = store.keys.create("acme", "ci", use)

    caller = store.keys.caller_of(sha256(key.secret))

    assert caller == Caller(tenant="acme", key=key.public_id, use=use)


def test_a_secret_names_its_public_id_and_has_256_bits(store: Store) -> None:
    key = store.keys.create("acme")

    assert re.fullmatch(rf"lw_{key.public_id}_[A-Za-z0-9_-]{{43}}", key.secret)


def test_two_keys_share_nothing(store: Store) -> None:
    one, other = store.keys.create("acme"), store.keys.create("acme")

    assert one.public_id != other.public_id
    assert one.secret[-43:] != other.secret[-43:]


def test_an_unknown_secret_has_no_caller(store: Store) -> None:
    store.keys.create("acme")

    assert store.keys.caller_of(sha256("lw_x_y")) is None


def test_a_revoked_key_stops_working(store: Store) -> None:
    key, other = store.keys.create("acme"), store.keys.create("acme")
    before = store.keys.caller_of(sha256(key.secret))

    worked = store.keys.revoke(key.public_id)

    assert before is not None
    assert worked
    assert store.keys.caller_of(sha256(key.secret)) is None
    assert store.keys.caller_of(sha256(other.secret)) is not None


def test_revoking_twice_keeps_the_first_time(store: Store, clock: SetClock) -> None:
    key = store.keys.create("acme")
    store.keys.revoke(key.public_id)
    clock.seconds += 60

    worked = store.keys.revoke(key.public_id)

    assert not worked
    assert [line.revoked_at for line in store.keys.list()] == [START]


def test_revoking_an_unknown_key_says_so(store: Store) -> None:
    with pytest.raises(StorageError, match="There is no key 'nobody'"):
        store.keys.revoke("nobody")


def test_lists_show_all_keys_but_no_secret(store: Store, clock: SetClock) -> None:
    first = store.keys.create("acme", "ci")
    clock.seconds += 1
    second = store.keys.create("globex", "desk", {"purpose": "research"})

    lines = store.keys.list()

    assert [(line.public_id, line.tenant, line.label, dict(line.use)) for line in lines] == [
        (first.public_id, "acme", "ci", {}),
        (second.public_id, "globex", "desk", {"purpose": "research"}),
    ]
    assert first.secret[-43:] not in repr(lines)


def test_a_store_is_empty_until_its_first_key(store: Store) -> None:
    before = store.keys.is_empty()
    store.keys.create("acme")

    assert (before, store.keys.is_empty()) == (True, False)
