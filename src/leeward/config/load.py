"""Reads leeward.toml and the environment."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from leeward.config.tree import Settings
from leeward.errors import SettingsError

PREFIX = "LEEWARD_"
_UNKNOWN = re.compile(r"unknown field `(?P<field>[^`]+)`(?: - at `\$(?P<path>[^`]*)`)?")


def load_settings(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """Return the settings.

    Args:
        path: leeward.toml; None takes the defaults.
        environment: Variables; `LEEWARD_SERVER__PORT=9000` sets `port` in `[server]` and wins over the file.

    Raises:
        SettingsError: If the file is missing, is not TOML, or says something unknown or of the wrong type.
    """
    tree = _read(path) if path is not None else {}
    for name, value in environment.items():
        if name.startswith(PREFIX) and "__" in name:
            _set(tree, name.removeprefix(PREFIX).lower().split("__"), value)
    where = str(path) if path is not None else "the environment"
    try:
        return msgspec.convert(tree, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"{where}: {error}{_nearest(str(error))}",
            meaning="The gateway does not start with settings it does not understand.",
            remedy="`leeward init` writes a commented file with every key.",
        ) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(f"{path} does not exist", remedy=f"Write one with: leeward init --output {path}") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error


def _set(tree: dict[str, Any], keys: list[str], value: str) -> None:
    for key in keys[:-1]:
        tree = tree.setdefault(key, {})
        if not isinstance(tree, dict):
            raise SettingsError(f"{PREFIX}{'__'.join(keys).upper()} names a value inside {key!r}, which is no table")
    tree[keys[-1]] = value


def _nearest(message: str) -> str:
    match = _UNKNOWN.search(message)
    if match is None:
        return ""
    near = difflib.get_close_matches(match["field"], _all_keys(Settings), n=1)
    return f"; did you mean `{near[0]}`?" if near else ""


def _all_keys(struct: type[msgspec.Struct]) -> set[str]:
    keys: set[str] = set()
    for field in msgspec.structs.fields(struct):
        keys.add(field.name)
        inner = field.type if isinstance(field.type, type) else next(iter(getattr(field.type, "__args__", ())), None)
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            keys |= _all_keys(inner)
    return keys
