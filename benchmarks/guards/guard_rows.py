"""Rows that guards are measured on, and what is known of each."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from leeward.domain.view import Stage

_REPLIES = ("response", "reply", "exchange")


@dataclass(frozen=True, slots=True)
class Row:
    """One text.

    Attributes:
        context: The prompt that a reply answers; empty when there is none.
        is_harmful: None when the row does not say.
    """

    id: str
    text: str
    lang: str
    stage: Stage
    context: str
    is_harmful: bool | None


def read_rows(path: Path, label: str = "") -> Iterator[Row]:
    """Yield the rows of a JSONL file, gzipped or not.

    Args:
        label: Label that decides; empty takes any: harmful when one is 1, harmless when all that are given are 0.

    Raises:
        SystemExit: If a line is no row, or an id comes twice.
    """
    seen: set[str] = set()
    with _opened(path) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = _row(json.loads(line), label)
            except (ValueError, KeyError, TypeError) as error:
                raise SystemExit(
                    f'{path}, line {number}: not a row ({error!r}); write {{"id", "text", "lang", "labels"}}'
                ) from error
            if row.id in seen:
                raise SystemExit(f"{path}, line {number}: the id {row.id!r} comes twice")
            seen.add(row.id)
            yield row


def _opened(path: Path) -> IO[str]:
    try:
        return gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")
    except OSError as error:
        raise SystemExit(f"{path} cannot be read: {error}") from error


def _row(raw: dict[str, Any], label: str) -> Row:
    kind = str(raw.get("stage") or raw.get("kind") or "prompt")
    return Row(
        id=str(raw["id"]),
        text=str(raw["text"]),
        lang=str(raw.get("lang", "und")),
        stage=Stage.REPLY if kind in _REPLIES else Stage.PROMPT,
        context=str(raw.get("context") or raw.get("prompt") or ""),
        is_harmful=_truth(raw, label),
    )


def _truth(raw: dict[str, Any], label: str) -> bool | None:
    labels = {str(name): bool(value) for name, value in raw.get("labels", {}).items() if value is not None}
    if label:
        return labels.get(label)
    if raw.get("harmful") or any(labels.values()):
        return True
    return False if labels or raw.get("benign") else None
