"""Evidence in a database: reading, erasing, and erasing what has been kept long enough."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from leeward.domain.ports import Clock
from leeward.domain.record import Evidence
from leeward.storage.engine import translated, writing
from leeward.storage.evidence import Keyring, Sealed
from leeward.storage.tables import EVIDENCE


class SqlVault:
    """What the records' evidence table holds."""

    def __init__(self, engine: Engine, keyring: Keyring, clock: Clock) -> None:
        self._engine = engine
        self._keyring = keyring
        self._clock = clock

    def sealed(self, record_id: str) -> tuple[Sealed, ...]:
        """Return the evidence of a record as it lies in the store, erased pieces and digests too.

        Raises:
            StorageError: If it cannot be read.
        """
        c = EVIDENCE.c
        columns = (c.id, c.rule, c.kept_until, c.key_id, c.nonce, c.ciphertext, c.digest)
        with translated(self._engine, "reading evidence"), self._engine.connect() as connection:
            rows = connection.execute(sa.select(*columns).where(c.id == record_id).order_by(c.rule)).all()
        return tuple(Sealed(*row) for row in rows)

    def read(self, record_id: str) -> tuple[Evidence, ...]:
        """Return the evidence of a record that can still be read.

        Raises:
            StorageError: If it cannot be read, its key is missing, or it was tampered with.
        """
        return tuple(e for sealed in self.sealed(record_id) if (e := self._keyring.unseal(sealed)) is not None)

    def erase(self, record_id: str) -> int:
        """Erase the text kept of a record and return how many pieces there were; the record itself stays.

        Raises:
            StorageError: If it cannot be written.
        """
        return self._erase(EVIDENCE.c.id == record_id, self._clock.now())

    def purge(self, now: float) -> int:
        """Erase what was to be kept until `now` or earlier, and return how many pieces.

        Raises:
            StorageError: If it cannot be written.
        """
        return self._erase(EVIDENCE.c.kept_until <= now, now)

    def _erase(self, which: sa.ColumnElement[bool], now: float) -> int:
        change = sa.update(EVIDENCE).where(which, EVIDENCE.c.erased_at.is_(None), EVIDENCE.c.ciphertext.is_not(None))
        with translated(self._engine, "erasing evidence"), writing(self._engine) as connection:
            erased = connection.execute(change.values(nonce=None, ciphertext=None, erased_at=now)).rowcount
        if erased and self._engine.dialect.name == "sqlite":
            self._empty_log()
        return erased

    def _empty_log(self) -> None:
        """Write the log back, so that no old page with the text stays in it."""
        with translated(self._engine, "emptying the log"), self._engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
