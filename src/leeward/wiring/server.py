"""Runs the gateway in uvicorn."""

from __future__ import annotations

import logging
import os
import sys
from tempfile import TemporaryDirectory

import msgspec
import uvicorn
from uvicorn.supervisors import Multiprocess

from leeward.config.tree import Settings
from leeward.gateway.front import Gateway
from leeward.storage import migrate
from leeward.wiring.house import COUNTS_FOLDER, House
from leeward.wiring.http import PunctualProtocol
from leeward.wiring.logs import configure
from leeward.wiring.traces import configure_traces

_HANDED_ON = "LEEWARD_SETTINGS_JSON"
log = logging.getLogger("leeward")


def run(settings: Settings) -> None:
    """Serve until stopped.

    Raises:
        LeewardError: If the settings, a ruleset or the store keep it from starting.
    """
    _observe(settings)
    migrate(settings.store.url)
    server = settings.server
    if sys.stderr.isatty() or settings.demo:
        host = f"[{server.host}]" if ":" in server.host else server.host
        sys.stderr.write(f"Leeward serves http://{host}:{server.port}; open it in a browser. Stop with Ctrl-C.\n")
    log.info("serving", extra={"host": server.host, "port": server.port, "workers": server.workers})
    if server.workers > 1:
        os.environ[_HANDED_ON] = msgspec.json.encode(settings).decode()
        config = _config("leeward.wiring.server:create", settings)
        with TemporaryDirectory(prefix="leeward-counts-") as shared:
            os.environ[COUNTS_FOLDER] = shared
            Multiprocess(config, sockets=[config.bind_socket()]).run()
    else:
        uvicorn.Server(_config(House(settings).app(), settings)).run()


def create() -> Gateway:
    """Build the application of one worker from the settings that its parent handed on."""
    settings = msgspec.json.decode(os.environ[_HANDED_ON], type=Settings)
    _observe(settings)
    return House(settings).app()


def _observe(settings: Settings) -> None:
    configure(settings.telemetry.log_level, settings.telemetry.log_format)
    if settings.telemetry.traces:
        configure_traces()


def _config(app: Gateway | str, settings: Settings) -> uvicorn.Config:
    server = settings.server
    return uvicorn.Config(
        app,
        factory=isinstance(app, str),
        host=server.host,
        port=server.port,
        workers=server.workers,
        loop="uvloop",
        http=PunctualProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=20,
    )
