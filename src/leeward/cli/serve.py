"""`leeward serve`: the gateway."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import Parameter

from leeward.config.load import load_settings
from leeward.config.tree import Settings, UpstreamTable
from leeward.errors import SettingsError

_UNKNOWN_MODELS = "LEEWARD_LICENCES__UNKNOWN_MODELS"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def serve(
    *,
    upstream: str | None = None,
    config: Annotated[Path | None, Parameter(name=["--config", "-c"])] = None,
    host: str | None = None,
    port: int | None = None,
    workers: int | None = None,
    demo: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Serve the gateway in front of a model server.

    Args:
        upstream: Base address of an OpenAI-compatible or Mistral server, e.g. http://127.0.0.1:8000/v1.
        config: Settings file; `leeward init` writes one.
        host: Address to listen on; 127.0.0.1 unless the settings say otherwise.
        port: Port to listen on; 8080 unless the settings say otherwise.
        workers: Processes.
        demo: Serve the built-in scripted model, to try Leeward without a model server.
    """
    settings = load_settings(config, os.environ)
    server = settings.server
    server = msgspec.structs.replace(
        server,
        host=host or server.host,
        port=server.port if port is None else port,
        workers=server.workers if workers is None else workers,
    )
    upstreams = settings.upstream
    if upstream is not None:
        upstreams = (*upstreams, UpstreamTable(name="upstream", url=upstream, dialect=_dialect_of(upstream)))
    settings = msgspec.structs.replace(settings, server=server, upstream=upstreams, demo=demo or settings.demo)
    if config is None and _UNKNOWN_MODELS not in os.environ:
        # Without a settings file there is nowhere to confirm a model: a first try is not refused, and is recorded.
        licences = msgspec.structs.replace(settings.licences, unknown_models="serve")
        settings = msgspec.structs.replace(settings, licences=licences)
    _check(settings)
    from leeward.wiring.server import run

    run(settings)


def _dialect_of(url: str) -> Literal["mistral", "openai"]:
    return "mistral" if "mistral.ai" in url else "openai"


def _check(settings: Settings) -> None:
    if not settings.upstream and not settings.demo:
        raise SettingsError(
            "no model server is configured",
            remedy="Name one with --upstream http://127.0.0.1:8000/v1, or in [[upstream]] of leeward.toml, "
            "or try the built-in one with --demo.",
        )
    if settings.server.workers < 1:
        raise SettingsError(f"--workers {settings.server.workers} makes no sense", remedy="Give 1 or more.")
    if settings.server.host not in _LOOPBACK and settings.keys == "open":
        raise SettingsError(
            f'`keys = "open"` on {settings.server.host} would let anyone on the network use the model server',
            remedy='Set keys = "required", make a key with `leeward key create`, or listen on 127.0.0.1.',
        )
