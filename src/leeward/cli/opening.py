"""Opens the store for a command."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import Engine

from leeward.config.load import load_settings
from leeward.config.tree import Settings
from leeward.storage.engine import make_engine
from leeward.storage.schema import migrate


@contextmanager
def opened(config: Path | None) -> Iterator[tuple[Settings, Engine]]:
    """Yield the settings and an engine for their store, with its tables up to date.

    Raises:
        SettingsError: If the settings cannot be used.
        StorageError: If the store cannot.
    """
    settings = load_settings(config, os.environ)
    migrate(settings.store.url)
    engine = make_engine(settings.store.url)
    try:
        yield settings, engine
    finally:
        engine.dispose()
