"""The contract of evidence, over memory, SQLite and PostgreSQL."""

from __future__ import annotations

import hashlib

import pytest

from leeward.domain.record import Evidence
from leeward.domain.verdict import Verdict
from leeward.storage.memory import MemoryStore
from leeward.storage.sql import SqlStore
from services_fixtures import START, Exchanges, blocked, firing, settle

Store = MemoryStore | SqlStore
CONTENT = b'{"prompt": "CANARY-2b9e"}'


async def keep(
    store: Store, exchanges: Exchanges, *, rule: str = "RULE-MIST-001", verdict: Verdict | None = None, days: float = 30
) -> str:
    opened = exchanges.opened()
    await store.open_record(opened)
    piece = Evidence(id=opened.id, kept_until=START + days * 86_400, content=CONTENT, rule=rule)
    store.close_record(exchanges.closed(opened, verdict or blocked(firing())), [piece])
    await settle(store, exchanges)
    return opened.id


async def test_evidence_is_read_back_as_it_was_given(store: Store, exchanges: Exchanges) -> None:
    record = await keep(store, exchanges)

    assert [(e.content, e.rule, e.kept_until) for e in store.vault.read(record)] == [
        (CONTENT, "RULE-MIST-001", START + 30 * 86_400)
    ]


async def test_evidence_lies_encrypted(store: Store, exchanges: Exchanges) -> None:
    record = await keep(store, exchanges)

    (sealed,) = store.vault.sealed(record)
    assert sealed.ciphertext is not None
    assert b"CANARY" not in sealed.ciphertext


@pytest.mark.parametrize("also_fired", ["as the rule of the evidence", "beside another rule"])
async def test_of_what_rule_005_stops_only_a_digest_is_kept(
    store: Store, exchanges: Exchanges, also_fired: str
) -> None:
    sealed_rule = firing("RULE-MIST-005")
    if also_fired == "beside another rule":
        record = await keep(store, exchanges, verdict=blocked(firing(), sealed_rule))
    else:
        record = await keep(store, exchanges, rule="RULE-MIST-005", verdict=blocked(sealed_rule))

    (sealed,) = store.vault.sealed(record)
    assert (sealed.ciphertext, sealed.nonce, sealed.digest) == (None, None, hashlib.sha256(CONTENT).hexdigest())
    assert store.vault.read(record) == ()


async def test_erased_evidence_is_gone_and_its_record_stays(store: Store, exchanges: Exchanges) -> None:
    record, other = await keep(store, exchanges), await keep(store, exchanges)

    erased = store.vault.erase(record)

    assert (erased, store.vault.erase(record)) == (1, 0)
    assert store.vault.read(record) == ()
    assert store.find(record) is not None
    assert len(store.vault.read(other)) == 1


async def test_a_purge_erases_what_has_been_kept_long_enough(store: Store, exchanges: Exchanges) -> None:
    short = await keep(store, exchanges, days=1)
    long = await keep(store, exchanges, days=2)

    purged = store.vault.purge(START + 86_400)

    assert purged == 1
    assert (len(store.vault.read(short)), len(store.vault.read(long))) == (0, 1)
