"""Reads the data folder into rows with hazards, folds and weights."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labels import HAZARDS, hazards_of

from leeward.inspection.normalise import folded_of, plain_of

EVERYDAY = (
    "tatoeba", "xquad", "sib200", "ha_intents", "xsid", "chatterbot", "mgsm", "vicuna_questions", "m_ifeval",
    "clinc150", "banking77", "qald9plus", "snips", "square_ko", "gsm8k",
)  # fmt: skip
LANGUAGES = (
    "en", "fr", "de", "es", "it", "pt", "nl", "pl", "ro", "cs", "sv", "da", "fi", "el", "hu", "bg", "uk", "ru", "tr",
    "ar", "he", "hi", "zh", "ja", "ko", "vi", "id", "th",
)  # fmt: skip
LONGEST = 600  # characters of one training text
CODE_ROWS = 2500
HELD_OUT = (Path(__file__).with_name("probes.jsonl"), Path(__file__).parents[2] / "tests/fixtures/everyday.jsonl")
_SKIPPED = ("r002", "r010", "registry", "model_licences", "indicators")
_SKIPPED_LANGUAGES = {("r009", "gd"), ("r009", "ga"), ("r009", "sq"), ("r009", "zu")}
_LANGUAGE_MARK = re.compile(r"(?:^|:)[a-z]{2,3}(?:[_-][A-Za-z]{2,4})?-")


@dataclass(frozen=True, slots=True)
class Row:
    """One text for training or measuring.

    Attributes:
        group: Rows that say the same thing share a group, in all languages, and so a fold.
        fold: `train`, `cal` (calibration and thresholds) or `dev` (measuring only).
        hazards: 1.0 or 0.0; absent means unknown.
        everyday: Ordinary text of ordinary users, for over-blocking.
    """

    id: str
    text: str
    lang: str
    source: str
    group: str
    fold: str
    hazards: dict[str, float]
    everyday: bool = False
    kind: str = ""


def fold_of(group: str) -> str:
    """Return the fold of `group`, the same on every machine."""
    slot = hashlib.sha1(group.encode()).digest()[0] * 256 + hashlib.sha1(group.encode()).digest()[1]
    share = slot / 65536
    return "dev" if share < 0.1 else "cal" if share < 0.2 else "train"


def folded(text: str) -> str:
    """Return `text` as the folded reading has it."""
    return folded_of(plain_of(text)).text


def held_out() -> frozenset[str]:
    """Return the texts that only measure: no training row may say the same."""
    lines = (line for path in HELD_OUT for line in path.read_text(encoding="utf-8").splitlines())
    return frozenset(bare(folded(json.loads(line)["text"])) for line in lines)


def bare(text: str) -> str:
    """Return `text` without what ends a sentence."""
    return text.strip(" .?!。？！")


def read_rows(folder: Path, longest: int = LONGEST) -> Iterator[Row]:
    """Yield the rows of all `*.jsonl.gz` files in `folder` that speak about a hazard, cut at `longest` characters."""
    for path in sorted(folder.glob("*.jsonl.gz")):
        if any(mark in path.name for mark in _SKIPPED):
            continue
        name = path.name.removesuffix(".jsonl.gz")
        ordinary = 0
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                raw = json.loads(line)
                if name.startswith("twins") and raw.get("pair") is None:
                    ordinary += 1
                row = _row(raw, name, ordinary, longest)
                if row is not None:
                    yield row
    yield from _code(folder / "security_r002_code.jsonl.gz")


def _code(path: Path) -> Iterator[Row]:
    """Yield source code as harmless text: whatever else is wrong with it, it insults nobody."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        codes = [json.loads(line) for line in lines]
    step = max(1, len(codes) // CODE_ROWS)
    for raw in codes[::step]:
        group = f"code-{raw['cwe']}-{raw['language']}-{raw.get('pair_id')}"
        harmless = dict.fromkeys(HAZARDS, 0.0)
        yield Row(
            raw["id"], folded(raw["code"])[:LONGEST], "code", "code", group, fold_of(group), harmless, True, "code"
        )


def _row(raw: dict[str, Any], name: str, ordinary: int, longest: int) -> Row | None:
    source = re.sub(r"^(content2?|security)_", "", name)
    meta = raw.get("meta") or {}
    if source.startswith("r0") and _unfit(raw, meta):
        return None
    text = folded(_text(raw))
    hazards = hazards_of(raw)
    if not hazards or not text.strip():
        return None
    if hazards.get("injection") == 1.0 and len(text) > 900 and "direct" not in str(meta.get("technique")):
        return None  # where the order lies in a long document is not known
    group = _group(raw, source, ordinary)
    everyday = bool(raw.get("benign")) and (source in EVERYDAY or (source.startswith("twins") and not raw.get("pair")))
    return Row(
        raw["id"],
        text[:longest],
        raw.get("lang", "und"),
        source,
        group,
        fold_of(group),
        hazards,
        everyday,
        raw.get("kind", ""),
    )


def _unfit(raw: dict[str, Any], meta: dict[str, Any]) -> bool:
    technique = str(meta.get("technique", ""))
    attack = raw["labels"].get("R009") == 1
    return ("r009", raw.get("lang")) in _SKIPPED_LANGUAGES or (
        attack and ("encoded" in technique or bool(meta.get("stealth")) or technique == "indirect/naive")
    )


def _text(raw: dict[str, Any]) -> str:
    text = raw["text"]
    if raw.get("kind") != "conversation":
        return str(text)
    turns = json.loads(text) if isinstance(text, str) else text
    return "\n".join(str(t.get("content", t.get("text", ""))) if isinstance(t, dict) else str(t) for t in turns)


def _group(raw: dict[str, Any], source: str, ordinary: int) -> str:
    own = raw["id"].partition(":")[2] or raw["id"]
    if source.startswith("twins"):
        return f"twins-{raw['pair'][3:]}" if raw.get("pair") else f"twins-ordinary-{ordinary}"
    if match := re.search(r"airr_practice_\w+", own):
        return match.group()
    if source == "mlc_v05" or source.startswith("jigsaw_templates"):
        return source + raw["text"].lower().strip(" ?.!")[-24:]
    if source.startswith("r0"):
        meta = raw.get("meta") or {}
        for key in ("parent", "seed", "attack", "cluster", "group", "file"):
            if meta.get(key) not in (None, ""):
                return f"{source}-{key}-{meta[key]}"
        return source + re.sub(r"\W+", " ", raw["text"].lower())[:48]
    own = _LANGUAGE_MARK.sub("", own)
    shapes = {
        "truthfulqa_multi": r"^\d+", "crows_pairs": r"^\d+", "crows_pairs_nl_fr": r"^\d+", "xquad": r"^\d+-\d+",
        "rubia": r"^\d+", "m_ifeval": r"^\d+", "kobbq": r"^\w+-\d+", "esbbq_cabbq": r"^\w+-\d+",
        "gg_bbq": r"^\w\d+", "stormfront": r"^\d+", "smilechat": r"^\d+", "counselchat": r"^\w\d+",
        "qald9plus": r"^\d+", "chatterbot": r"^[\w-]+?-\d+",
    }  # fmt: skip
    match = re.search(shapes[source], own) if source in shapes else None
    key = match.group() if match else own
    if source == "creak":
        key = str(raw.get("cat"))
    return f"{'crows' if source.startswith('crows') else source}-{key}"
