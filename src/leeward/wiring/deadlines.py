"""Keeps the deadlines of notices, and has the gateway heed the registry of derivatives."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Final

from leeward.errors import StorageError
from leeward.licences.derivatives.restrictions import Restrictions
from leeward.licences.registry import Registry
from leeward.storage import SqlDerivatives

log = logging.getLogger("leeward.derivatives")

POLL_SECONDS: Final = 1.0


class Deadlines:
    """Restricts models whose notice ran out, and tells who must refuse them.

    Every replica does this for itself, so what one restricts or lifts acts on all within two seconds.

    Args:
        derivatives: The registry.
        licences: Tells names and licences of models.
        heed: Called with what is restricted.
    """

    def __init__(self, derivatives: SqlDerivatives, licences: Registry, heed: Callable[[Restrictions], None]) -> None:
        self._derivatives = derivatives
        self._licences = licences
        self._heed = heed
        self._is_blind = False
        self._looking = threading.Lock()
        self._is_resting = False

    def look(self) -> None:
        """Process what is due, and have what is restricted now heeded.

        Raises:
            StorageError: If the store cannot be read or written.
        """
        with self._looking:
            if self._is_resting:
                return
            for entry in self._derivatives.sweep():
                log.warning("model_restricted", extra={"entry": entry.id})
            self._heed(self._derivatives.restrictions(self._licences))

    def rest(self) -> None:
        """Return when no look is under way, and see to it that none begins: the store is about to close."""
        with self._looking:
            self._is_resting = True

    async def watch(self) -> None:
        """Look every second, until cancelled. While the store cannot be read, the restrictions known last stand."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await asyncio.to_thread(self.look)
            except StorageError as error:
                if not self._is_blind:
                    log.error("restrictions_not_read", extra={"error": error.message})
                self._is_blind = True
            else:
                if self._is_blind:
                    log.info("restrictions_read_again")
                self._is_blind = False
