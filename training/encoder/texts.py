"""Every text that the encoder learns from or is measured on, with its labels."""

from __future__ import annotations

import gzip
import json
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "front")]
from data import Row, fold_of, folded, read_rows  # noqa: E402
from seeds import seed_rows  # noqa: E402

from grown import HARM, Text, grown  # noqa: E402

_HARMS = tuple(h for h in HARM if h not in ("stereotype", "misinformation"))


def harmful_rows(folder: Path, known: set[str]) -> Iterator[Row]:
    """Yield requests called harmful without a rule: nothing is known of them but that they are."""
    for path in sorted(folder.glob("content*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for raw in map(json.loads, lines):
                if raw.get("harmful") and raw["id"] not in known:
                    group = f"harmful-{raw['text'][:40]}"
                    yield Row(
                        raw["id"],
                        folded(raw["text"])[:600],
                        raw["lang"],
                        "harmful",
                        group,
                        fold_of(group),
                        {"harm": 1.0},
                    )


def with_harm(row: Row) -> Row:
    """Return `row` with what its labels say about harm at all."""
    if "harm" in row.hazards:
        return row
    told = [row.hazards[h] for h in _HARMS if h in row.hazards]
    said = dict(row.hazards)
    if told and max(told) > 0:
        said["harm"] = 1.0
    elif len(told) >= len(_HARMS) - 2:
        said["harm"] = 0.0
    return Row(row.id, row.text, row.lang, row.source, row.group, row.fold, said, row.everyday, row.kind)


def all_texts(folder: Path, cache: Path | None = None) -> list[Text]:
    """Return every text of every fold; our grown texts are read anew each time."""
    if cache and cache.exists():
        rows = pickle.loads(cache.read_bytes())
    else:
        rows = [*read_rows(folder, 2000), *seed_rows()]
        if cache:
            cache.write_bytes(pickle.dumps(rows))
    known = {row.id for row in rows}
    rows += harmful_rows(folder, known)
    texts = []
    for row in rows:
        pair = f"{row.group}-{row.lang}" if row.source.startswith("twins") and "ordinary" not in row.group else ""
        texts.append(Text(with_harm(row), "", pair))
    return [*texts, *grown()]
