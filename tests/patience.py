"""How long tests wait for what must come: so long that it only matters when something hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

# Ends a test that hangs, however busy the machine is; a test that passes never waits for it.
PATIENCE_SECONDS: Final = 300.0


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what another task, thread or process will do."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.002)
