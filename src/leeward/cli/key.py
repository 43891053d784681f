"""`leeward key create|list|revoke`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from leeward.cli.opening import opened
from leeward.errors import SettingsError
from leeward.storage.keys import KeyLine, SqlKeys
from leeward.wiring.clock import SystemClock

app = App(name="key", help="Make, list and revoke the keys that callers use.")

_Config = Annotated[Path | None, Parameter(name=["--config", "-c"])]
_Json = Annotated[bool, Parameter(name="--json", negative=())]
_Use = Annotated[tuple[str, ...], Parameter(name="--use", negative=())]


@app.command
def create(tenant: str, *, label: str = "", use: _Use = (), config: _Config = None, json: _Json = False) -> None:
    """Make a key and show its secret, this once only.

    Args:
        tenant: Id of the tenant that the key belongs to.
        label: What it is for, e.g. "ci".
        use: Declared use for licences, e.g. --use purpose=production --use seats=12.
        config: Settings file; its `[store]` says where keys are kept.
        json: Print JSON.
    """
    declared = dict(_declared(one) for one in use)
    with _keys(config) as keys:
        key = keys.create(tenant, label, declared)
    if json:
        _print_json({"public_id": key.public_id, "tenant": tenant, "label": label, "secret": key.secret})
        return
    console = Console(highlight=False)
    console.print(key.secret, markup=False, soft_wrap=True)
    hint = f"Key {key.public_id} of tenant {tenant}. The secret is not shown again; callers send it as a bearer token."
    Console(stderr=True, highlight=False).print(hint, markup=False)


@app.command(name="list")
def list_keys(*, config: _Config = None, json: _Json = False) -> None:
    """List all keys, oldest first, revoked ones too.

    Args:
        config: Settings file; its `[store]` says where keys are kept.
        json: Print JSON.
    """
    with _keys(config) as keys:
        lines = keys.list()
    if json:
        _print_json([_document(line) for line in lines])
    else:
        Console().print(_table(lines))


@app.command
def revoke(public_id: str, *, config: _Config = None) -> None:
    """Revoke a key; it stops working within two seconds.

    Args:
        public_id: The id between the underscores of the secret; `leeward key list` shows it.
        config: Settings file; its `[store]` says where keys are kept.
    """
    with _keys(config) as keys:
        worked = keys.revoke(public_id)
    said = f"Key {public_id} is revoked." if worked else f"Key {public_id} was revoked before."
    Console(highlight=False).print(said, markup=False)


@contextmanager
def _keys(config: Path | None) -> Iterator[SqlKeys]:
    with opened(config) as (_, engine):
        yield SqlKeys(engine, SystemClock())


def _declared(text: str) -> tuple[str, str | int | bool]:
    name, sign, value = text.partition("=")
    if not name or not sign:
        raise SettingsError(f"--use {text!r} is not of the form name=value", remedy="e.g. --use purpose=production")
    if value in {"true", "false"}:
        return name, value == "true"
    return name, int(value) if value.isdecimal() else value


def _table(lines: Sequence[KeyLine]) -> Table:
    table = Table()
    table.add_column("key", no_wrap=True, min_width=16)  # half an id cannot be revoked
    for heading in ("tenant", "label", "use", "made", "revoked"):
        table.add_column(heading)
    for line in lines:
        use = ", ".join(f"{name}={value}" for name, value in line.use.items())
        table.add_row(line.public_id, line.tenant, line.label, use, _day(line.created_at), _day(line.revoked_at))
    return table


def _document(line: KeyLine) -> dict[str, object]:
    return {
        "public_id": line.public_id,
        "tenant": line.tenant,
        "label": line.label,
        "use": dict(line.use),
        "created_at": line.created_at,
        "revoked_at": line.revoked_at,
    }


def _day(seconds: float | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def _print_json(value: object) -> None:
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    Console(highlight=False).print(text, markup=False, soft_wrap=True)
