"""Reads pools of real texts from JSON Lines files, one row at a time."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from random import Random

import msgspec

from leeward.errors import WireError
from leeward.extraction_watch.simulation.texts import ROLES, Role

_MOST_TEXTS = 20_000  # of each role; more are sampled evenly
_LONGEST = 6_000
# What a pool or a session is called, and the role of its texts.
_CALLED: tuple[tuple[str, Role], ...] = (
    ("human", "human"),
    ("batch", "document"),
    ("benchmark", "exam"),
    ("own_eval", "exam"),
    ("self_instruct", "instruction"),
    ("evol", "instruction"),
)


class _Turn(msgspec.Struct):
    role: str = ""
    content: str = ""


class _Sent(msgspec.Struct):
    text: str = ""


class _Meta(msgspec.Struct):
    pool: str = ""
    strategy: str = ""


class _Row(msgspec.Struct):
    text: str = ""
    kind: str = ""
    meta: _Meta = msgspec.field(default_factory=_Meta)
    events: list[_Sent] = msgspec.field(default_factory=list)


def read_pools(paths: Iterable[Path], role: Role | None = None, *, seed: int = 0) -> dict[Role, list[str]]:
    """Return texts by role; at most 20,000 of each, drawn evenly from what was read.

    Args:
        paths: JSON Lines, gzip or plain: rows `{"text"}` or sessions `{"events": [{"text"}]}`. A row's `meta.pool` or
            `meta.strategy` tells its role; rows of `kind` conversation hold a list of turns.
        role: Takes every row for this role instead.
        seed: Of the draw.

    Raises:
        WireError: If a line is no such row, or nothing of use is found.
        OSError: If a file cannot be read.
    """
    kept: dict[Role, list[str]] = {each: [] for each in ROLES}
    met = dict.fromkeys(ROLES, 0)
    chance = Random(seed)
    for found, text in (pair for path in paths for pair in _texts(path, role)):
        met[found] += 1
        if len(kept[found]) < _MOST_TEXTS:
            kept[found].append(text)
        elif (place := chance.randrange(met[found])) < _MOST_TEXTS:
            kept[found][place] = text
    if not any(kept.values()):
        raise WireError(
            "the pool holds no text whose role is known; name the role, e.g. --pool human=FILE, "
            f"one of: {', '.join(ROLES)}"
        )
    return {each: list(dict.fromkeys(texts)) for each, texts in kept.items() if texts}


def _texts(path: Path, role: Role | None) -> Iterator[tuple[Role, str]]:
    decoder = msgspec.json.Decoder(_Row)
    turns = msgspec.json.Decoder(list[_Turn])
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
        try:
            for number, line in enumerate(lines, 1):
                try:
                    row = decoder.decode(line)
                    said = turns.decode(row.text) if row.kind == "conversation" else None
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise WireError(f"{path}, line {number}: not a row of a pool: {error}") from error
                found = role or _role_of(row.meta)
                if found is None:
                    continue
                texts = [t.content for t in said if t.role == "user"] if said else [row.text]
                for text in (*texts, *(e.text for e in row.events)):
                    if text.strip():
                        yield found, text[:_LONGEST]
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise WireError(f"{path} is not a whole gzip file: {error}") from error


def _role_of(meta: _Meta) -> Role | None:
    called = meta.pool or meta.strategy
    return next((role for name, role in _CALLED if called.startswith(name)), None)


def roles_and_paths(pools: Iterable[str]) -> Mapping[Role | None, list[Path]]:
    """Return the files of each role from `FILE` and `ROLE=FILE`."""
    found: dict[Role | None, list[Path]] = {}
    for pool in pools:
        name, _, rest = pool.partition("=")
        role = next((each for each in ROLES if each == name and rest), None)
        found.setdefault(role, []).append(Path(rest if role else pool))
    return found
