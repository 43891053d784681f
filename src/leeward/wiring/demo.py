"""What a demo needs: the scripted model as upstream, a caller to slow down, a picture to recognise."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from leeward.config.tree import Server, Settings, UpstreamTable
from leeward.domain.caller import Caller
from leeward.domain.ports import KeyStore
from leeward.playground.model import NAME
from leeward.playground.picture import picture

log = logging.getLogger("leeward.demo")

MODEL_PATH: Final = "/demo-model"
# No secret, and known only where no real model could be reached with it.
BURST_KEY: Final = "lw_demo_burst"
_BURST_CALLER: Final = Caller(tenant="demo-burst")
_BURST_HASH: Final = hashlib.sha256(BURST_KEY.encode()).digest()
_HASH_LISTS: Final = "LEEWARD_HASH_LISTS"
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::", ""})


def is_scripted(settings: Settings) -> bool:
    """Whether the scripted model is the only one, so that there is nothing to protect."""
    return settings.demo and not settings.upstream


def demo_upstream(server: Server, *, is_alone: bool) -> UpstreamTable:
    """Return the scripted model as an upstream, asked over HTTP as any other.

    Args:
        is_alone: Whether it answers for every model name; beside a real upstream it keeps to its own.
    """
    host = "127.0.0.1" if server.host in _EVERYWHERE else server.host
    name = f"[{host}]" if ":" in host else host
    models = ("*",) if is_alone else (NAME,)
    return UpstreamTable(name="demo", url=f"http://{name}:{server.port}{MODEL_PATH}/v1", models=models)


class DemoKeys:
    """Knows the key of the burst beside those of the store."""

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys

    def caller_of(self, secret_hash: bytes) -> Caller | None:
        """Return who holds the key with this SHA-256."""
        return _BURST_CALLER if secret_hash == _BURST_HASH else self._keys.caller_of(secret_hash)

    def is_empty(self) -> bool:
        """Whether the store holds no key."""
        return self._keys.is_empty()


@contextmanager
def picture_known() -> Iterator[None]:
    """Have detectors that are opened meanwhile read a hash list with the picture of the playground on it.

    Lists that the operator has named stay as they are; the picture is then not recognised.
    """
    if os.environ.get(_HASH_LISTS):
        log.warning("demo_picture_unknown", extra={"where": _HASH_LISTS})
        yield
        return
    with TemporaryDirectory(prefix="leeward-demo-") as folder:
        Path(folder, "demo-sha256.txt").write_text(f"sha256:{hashlib.sha256(picture()).hexdigest()}\n", "utf-8")
        os.environ[_HASH_LISTS] = folder
        try:
            yield
        finally:
            del os.environ[_HASH_LISTS]
