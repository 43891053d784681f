"""Virtual keys: who may call, known by the hash of a secret that is shown once."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol, TypeAlias

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from leeward.domain.caller import Caller
from leeward.domain.ports import Clock
from leeward.errors import StorageError
from leeward.storage.engine import translated, writing
from leeward.storage.evidence import RandomBytes
from leeward.storage.tables import API_KEYS

CACHE_SECONDS = 2.0  # a revoked key stops working within this time, on every worker
_CACHE_ENTRIES = 10_000
_PUBLIC_BYTES = 10
_SECRET_BYTES = 32

Use: TypeAlias = Mapping[str, str | int | bool]
NO_USE: Use = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key at the only moment when its secret is known."""

    public_id: str
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLine:
    """A key as lists show it.

    Attributes:
        created_at, revoked_at: Seconds since the epoch, UTC; `revoked_at` is None while it works.
    """

    public_id: str
    tenant: str
    label: str
    use: Use
    created_at: float
    revoked_at: float | None


class Keys(Protocol):
    """Makes, revokes, lists and recognises keys."""

    def create(self, tenant: str, label: str = "", use: Use = NO_USE) -> NewKey:
        """Return a new key."""

    def revoke(self, public_id: str) -> bool:
        """Revoke a key and return whether it worked until now."""

    def list(self) -> Sequence[KeyLine]:
        """Return all keys, oldest first, revoked ones too."""

    def caller_of(self, secret_hash: bytes) -> Caller | None:
        """Return who holds the key with this SHA-256, or None."""

    def is_empty(self) -> bool:
        """Whether no key was ever made."""


def draw_key(random_bytes: RandomBytes) -> NewKey:
    """Return a fresh key: `lw_<public id>_<43 url-safe characters>`, 256 bits of secret."""
    public_id = base64.b32encode(random_bytes(_PUBLIC_BYTES)).decode().lower()
    secret = base64.urlsafe_b64encode(random_bytes(_SECRET_BYTES)).decode().rstrip("=")
    return NewKey(public_id, f"lw_{public_id}_{secret}")


def hash_secret(secret: str) -> bytes:
    """Return the SHA-256 under which the store knows a key; 256 random bits need no salt and no stretching."""
    return hashlib.sha256(secret.encode()).digest()


class SqlKeys:
    """Keys in a database, with a short memory.

    Args:
        random_bytes: Source of secrets; must be fit for cryptography.
    """

    def __init__(self, engine: Engine, clock: Clock, *, random_bytes: RandomBytes = os.urandom) -> None:
        self._engine = engine
        self._clock = clock
        self._random_bytes = random_bytes
        self._known: dict[bytes, tuple[float, Caller]] = {}
        self._empty_seen_at: float | None = None
        self._is_populated = False

    def create(self, tenant: str, label: str = "", use: Use = NO_USE) -> NewKey:
        """Return a new key; the store keeps the hash of its secret only.

        Raises:
            StorageError: If it cannot be kept.
        """
        key = draw_key(self._random_bytes)
        row = {
            "public_id": key.public_id,
            "secret_hash": hash_secret(key.secret),
            "tenant": tenant,
            "label": label,
            "declared_use": msgspec.json.encode(dict(use)).decode(),
            "created_at": self._clock.now(),
        }
        with translated(self._engine, "keeping the key"), writing(self._engine) as connection:
            connection.execute(sa.insert(API_KEYS).values(row))
        self._is_populated = True
        return key

    def revoke(self, public_id: str) -> bool:
        """Revoke a key and return whether it worked until now.

        Raises:
            StorageError: If there is no such key, or if it cannot be written.
        """
        this = API_KEYS.c.public_id == public_id
        with translated(self._engine, "revoking the key"), writing(self._engine) as connection:
            change = sa.update(API_KEYS).where(this, API_KEYS.c.revoked_at.is_(None))
            worked = connection.execute(change.values(revoked_at=self._clock.now())).rowcount > 0
            if not worked and connection.scalar(sa.select(API_KEYS.c.public_id).where(this)) is None:
                raise unknown_key(public_id)
        self._known.clear()
        return worked

    def list(self) -> tuple[KeyLine, ...]:
        """Return all keys, oldest first, revoked ones too.

        Raises:
            StorageError: If they cannot be read.
        """
        statement = sa.select(API_KEYS).order_by(API_KEYS.c.created_at, API_KEYS.c.public_id)
        with translated(self._engine, "reading keys"), self._engine.connect() as connection:
            rows = connection.execute(statement).mappings().all()
        return tuple(
            KeyLine(
                public_id=row["public_id"],
                tenant=row["tenant"],
                label=row["label"],
                use=_use(row["declared_use"]),
                created_at=row["created_at"],
                revoked_at=row["revoked_at"],
            )
            for row in rows
        )

    def caller_of(self, secret_hash: bytes) -> Caller | None:
        """Return who holds the key with this SHA-256; an answer is up to two seconds old.

        Raises:
            StorageError: If the store cannot be asked and no fresh answer is known.
        """
        now = self._clock.now()
        if (known := self._known.get(secret_hash)) and 0.0 <= now - known[0] < CACHE_SECONDS:
            return known[1]
        caller = self._ask(secret_hash)
        if caller is None:
            self._known.pop(secret_hash, None)
            return None
        if len(self._known) >= _CACHE_ENTRIES:
            self._known.clear()
        self._known[secret_hash] = (now, caller)
        return caller

    def _ask(self, secret_hash: bytes) -> Caller | None:
        statement = sa.select(API_KEYS.c.public_id, API_KEYS.c.tenant, API_KEYS.c.declared_use).where(
            API_KEYS.c.secret_hash == secret_hash, API_KEYS.c.revoked_at.is_(None)
        )
        with translated(self._engine, "looking up a key"), self._engine.connect() as connection:
            row = connection.execute(statement).one_or_none()
        return Caller(tenant=row.tenant, key=row.public_id, use=_use(row.declared_use)) if row else None

    def is_empty(self) -> bool:
        """Whether no key was ever made; up to two seconds old. Keys are never deleted, so False stays False.

        Raises:
            StorageError: If the store cannot be asked and no fresh answer is known.
        """
        if self._is_populated:
            return False
        now = self._clock.now()
        if self._empty_seen_at is not None and 0.0 <= now - self._empty_seen_at < CACHE_SECONDS:
            return True
        with translated(self._engine, "looking for keys"), self._engine.connect() as connection:
            self._is_populated = connection.scalar(sa.select(API_KEYS.c.public_id).limit(1)) is not None
        self._empty_seen_at = now
        return not self._is_populated


def unknown_key(public_id: str) -> StorageError:
    """Return the error for a key that was never made."""
    return StorageError(f"There is no key {public_id!r}.", remedy="`leeward key list` shows the ids of all keys.")


def _use(document: str) -> Use:
    return MappingProxyType(msgspec.json.decode(document, type=dict[str, str | int | bool]))
