"""Whether the gateway lives, is ready, and what it counts."""

from __future__ import annotations

import msgspec

from leeward.errors import LeewardError
from leeward.gateway.asgi import JSON, Receive, Scope, Send, Sender
from leeward.gateway.equipment import Equipment
from leeward.gateway.telemetry import CONTENT_TYPE


async def healthz(_equipment: Equipment, _scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer 200 as long as the process serves."""
    await Sender(send).whole(200, [JSON], b'{"status":"ok"}')


async def readyz(equipment: Equipment, _scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer 200 when records can be read, 503 when they cannot."""
    try:
        equipment.store.latest(1)
    except LeewardError as error:
        told = {"status": "unavailable", "store": error.message}
        await Sender(send).whole(503, [JSON], msgspec.json.encode(told))
        return
    await Sender(send).whole(200, [JSON], b'{"status":"ready","store":"ok"}')


async def metrics_page(equipment: Equipment, _scope: Scope, _receive: Receive, send: Send) -> None:
    """Show the metrics in the text format of Prometheus."""
    await Sender(send).whole(200, [(b"content-type", CONTENT_TYPE)], equipment.metrics.page())
