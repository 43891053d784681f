"""The store in memory: for tests, demonstrations and the library; forgets everything at the end."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from leeward.domain.caller import Caller
from leeward.domain.ports import Clock, RecordLine
from leeward.domain.record import Closed, Evidence, Opened
from leeward.errors import StorageError
from leeward.storage.evidence import SEALED_RULE, Keyring, RandomBytes, Sealed
from leeward.storage.ids import floor_id
from leeward.storage.keys import NO_USE, KeyLine, NewKey, Use, draw_key, hash_secret, unknown_key
from leeward.storage.rows import stripped
from leeward.storage.sql import Counts, tally


class MemoryStore:
    """Keeps records, keys and evidence as the database does, without one."""

    def __init__(self, *, clock: Clock, keyring: Keyring) -> None:
        self.keys = MemoryKeys(clock)
        self.vault = MemoryVault(keyring, clock)
        self._opened: dict[str, Opened] = {}
        self._closed: dict[str, Closed] = {}
        self._accepts = False

    def start(self) -> None:
        """Begin to take records."""
        self._accepts = True

    def close(self) -> None:
        """Take no more records."""
        self._accepts = False

    async def open_record(self, record: Opened) -> None:
        """Keep the record.

        Raises:
            StorageError: If the store is closed.
        """
        if not self._accepts:
            raise StorageError("The store takes no records now.")
        self._opened.setdefault(record.id, record)

    def close_record(self, record: Closed, evidence: Sequence[Evidence] = ()) -> None:
        """Keep the end of an exchange."""
        self._closed.setdefault(record.id, stripped(record))
        digest_only = any(firing.rule == SEALED_RULE for firing in record.verdict.firings)
        self.vault.keep(evidence, digest_only=digest_only)

    def latest(self, limit: int, before: str = "") -> tuple[RecordLine, ...]:
        """Return the newest records, newest first, older than id `before` when given."""
        ids = sorted((i for i in self._opened if not before or i < before), reverse=True)
        return tuple(RecordLine(opened=self._opened[i], closed=self._closed.get(i)) for i in ids[:limit])

    def find(self, record_id: str) -> RecordLine | None:
        """Return one record, or None."""
        opened = self._opened.get(record_id)
        return RecordLine(opened=opened, closed=self._closed.get(record_id)) if opened else None

    def counts_since(self, since: float) -> Counts:
        """Return counts over the exchanges that began at `since` or later and have ended."""
        ended = (closed for i, closed in self._closed.items() if i >= floor_id(since))
        return tally((closed.verdict.disposition, closed.verdict.rules, 1) for closed in ended)


class MemoryVault:
    """Evidence in memory, encrypted all the same: one way for all stores."""

    def __init__(self, keyring: Keyring, clock: Clock) -> None:
        self._keyring = keyring
        self._clock = clock
        self._sealed: dict[tuple[str, str], Sealed] = {}

    def keep(self, evidence: Sequence[Evidence], *, digest_only: bool) -> None:
        """Keep evidence; its digest alone when `digest_only`."""
        for piece in evidence:
            self._sealed.setdefault((piece.id, piece.rule), self._keyring.seal(piece, digest_only=digest_only))

    def sealed(self, record_id: str) -> tuple[Sealed, ...]:
        """Return the evidence of a record as it lies in the store."""
        return tuple(sealed for (i, _), sealed in sorted(self._sealed.items()) if i == record_id)

    def read(self, record_id: str) -> tuple[Evidence, ...]:
        """Return the evidence of a record that can still be read."""
        return tuple(e for sealed in self.sealed(record_id) if (e := self._keyring.unseal(sealed)) is not None)

    def erase(self, record_id: str) -> int:
        """Erase the text kept of a record and return how many pieces there were."""
        return self._erase([place for place in self._sealed if place[0] == record_id])

    def purge(self, now: float) -> int:
        """Erase what was to be kept until `now` or earlier, and return how many pieces."""
        return self._erase([place for place, sealed in self._sealed.items() if sealed.kept_until <= now])

    def _erase(self, places: Sequence[tuple[str, str]]) -> int:
        there = [place for place in places if self._sealed[place].ciphertext is not None]
        for place in there:
            self._sealed[place] = replace(self._sealed[place], nonce=None, ciphertext=None)
        return len(there)


class MemoryKeys:
    """Keys in memory."""

    def __init__(self, clock: Clock, *, random_bytes: RandomBytes = os.urandom) -> None:
        self._clock = clock
        self._random_bytes = random_bytes
        self._lines: dict[bytes, KeyLine] = {}

    def create(self, tenant: str, label: str = "", use: Use = NO_USE) -> NewKey:
        """Return a new key."""
        key = draw_key(self._random_bytes)
        self._lines[hash_secret(key.secret)] = KeyLine(
            public_id=key.public_id,
            tenant=tenant,
            label=label,
            use=dict(use),
            created_at=self._clock.now(),
            revoked_at=None,
        )
        return key

    def revoke(self, public_id: str) -> bool:
        """Revoke a key and return whether it worked until now.

        Raises:
            StorageError: If there is no such key.
        """
        for secret_hash, line in self._lines.items():
            if line.public_id == public_id:
                if line.revoked_at is None:
                    self._lines[secret_hash] = replace(line, revoked_at=self._clock.now())
                return line.revoked_at is None
        raise unknown_key(public_id)

    def list(self) -> tuple[KeyLine, ...]:
        """Return all keys, oldest first, revoked ones too."""
        return tuple(sorted(self._lines.values(), key=lambda line: (line.created_at, line.public_id)))

    def caller_of(self, secret_hash: bytes) -> Caller | None:
        """Return who holds the key with this SHA-256, or None."""
        line = self._lines.get(secret_hash)
        if line is None or line.revoked_at is not None:
            return None
        return Caller(tenant=line.tenant, key=line.public_id, use=line.use)

    def is_empty(self) -> bool:
        """Whether no key was ever made."""
        return not self._lines
