"""`leeward evidence show|erase`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console

from leeward.cli.opening import opened
from leeward.errors import SettingsError
from leeward.storage.evidence import Keyring
from leeward.storage.vault import SqlVault
from leeward.wiring.clock import SystemClock

app = App(name="evidence", help="Read or erase the encrypted text that is kept of a decision.")

_Config = Annotated[Path | None, Parameter(name=["--config", "-c"])]


@app.command
def show(decision_id: str, *, config: _Config = None) -> None:
    """Print the text that is kept of a decision, as JSON.

    Args:
        decision_id: As in `x-leeward-decision-id`.
        config: Settings file; its `[store]` and `[evidence]` say where text and key are.
    """
    with _vault(config) as vault:
        kept = vault.read(decision_id)
    if not kept:
        raise SettingsError(
            f"no text is kept of {decision_id}",
            remedy="Text is kept where a rule fired on it, for the days of retention, and never for RULE-MIST-005.",
        )
    for evidence in kept:
        sys.stdout.write(evidence.content.decode("utf-8") + "\n")


@app.command
def erase(decision_id: str, *, config: _Config = None) -> None:
    """Erase the text that is kept of a decision; its record stays.

    Args:
        decision_id: As in `x-leeward-decision-id`.
        config: Settings file; its `[store]` says where the text is.
    """
    with _vault(config) as vault:
        count = vault.erase(decision_id)
    told = f"The text of {decision_id} is erased." if count else f"No text was kept of {decision_id}."
    Console(highlight=False).print(told, markup=False)


@contextmanager
def _vault(config: Path | None) -> Iterator[SqlVault]:
    with opened(config) as (settings, engine):
        keyring = Keyring.load(Path(settings.evidence.key_file), os.environ.get("LEEWARD_EVIDENCE_KEY", ""))
        yield SqlVault(engine, keyring, SystemClock())
