"""Looks for texts, near copies, pairs and groups that lie in two folds, and for held-out texts in training."""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "front")]
from data import bare, held_out  # noqa: E402
from texts import all_texts  # noqa: E402

from grown import Text  # noqa: E402

U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
GRAM, NEAR = 5, 0.8
BANDS, DEEP = 8, 4  # a pair of Jaccard .8 shares a band with a chance of 98 %
CHUNK = 1_000  # texts that are hashed at once, few enough for a processor's cache
WIDEST = 60  # texts of one bucket that each measuring text is compared with
CHARS = 400  # read of each text; copies that begin alike are found all the same
SHORT = 20  # shorter texts ("thank you") coincide without being copies
_SEED = 20261124
_GAPS = re.compile("[^\\w\u2600-\u27bf\U0001f000-\U0001faff]+|_+")  # emoji carry meaning, other signs do not


@dataclass(frozen=True, slots=True)
class Member:
    """A text with what must not be torn apart.

    Attributes:
        fold: `train`, `cal`, `dev`, or `held out` for texts that are in no fold and only measure.
        context: What was said before; a text after another context is another text.
    """

    id: str
    text: str
    fold: str
    source: str
    group: str
    pair: str = ""
    context: str = ""


@dataclass(frozen=True, slots=True)
class Leak:
    """A text that measures, and a text of another fold that says the same.

    Attributes:
        likeness: Jaccard similarity of their character 5-grams, 1.0 for the same text.
    """

    one: Member
    other: Member
    likeness: float


def normal(text: str) -> str:
    """Return `text` in lower case with everything but letters, digits and emoji as one blank."""
    return _GAPS.sub(" ", text.lower()).strip()


def members_of(texts: Iterable[Text], measuring: Iterable[str]) -> list[Member]:
    """Return all texts and the held-out ones; training leaves out rows that say the same as a held-out text."""
    kept = frozenset(measuring)
    found = [
        Member(text.row.id, text.row.text, text.row.fold, text.row.source, text.row.group, text.pair, text.context)
        for text in texts
        if not (text.row.fold == "train" and bare(text.row.text) in kept)
    ]
    return found + [Member(f"held-out-{at}", text, "held out", "held out", "") for at, text in enumerate(sorted(kept))]


def torn(members: Iterable[Member], what: str) -> dict[str, set[str]]:
    """Return groups or pairs (`what`) that lie in more than one fold, with their folds."""
    folds: dict[str, set[str]] = defaultdict(set)
    for member in members:
        if name := getattr(member, what):
            folds[name].add(member.fold)
    return {name: found for name, found in folds.items() if len(found) > 1}


def copies(members: Sequence[Member]) -> Iterator[Leak]:
    """Yield each text outside training that stands word for word in training, or in another measuring fold."""
    first: dict[tuple[str, str], Member] = {}
    for member in sorted(members, key=lambda one: one.fold != "train"):
        key = (normal(member.text), normal(member.context))
        seen = first.setdefault(key, member)
        if key[0] and seen.fold != member.fold:
            yield Leak(member, seen, 1.0)


def grams(text: str) -> frozenset[str]:
    """Return the character 5-grams of a normalised text; a shorter one is its own only gram."""
    return frozenset(text[at : at + GRAM] for at in range(max(1, len(text) - GRAM + 1)))


def signatures(texts: Sequence[str]) -> U64:
    """Return a hash for each band of the min-hashes of each normalised text [texts, BANDS]."""
    random = np.random.default_rng(_SEED)
    odd = random.integers(1, 2**31, BANDS * DEEP, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    parts = [_banded(texts[at : at + CHUNK], odd) for at in range(0, len(texts), CHUNK)]
    return np.concatenate(parts) if parts else np.empty((0, BANDS), np.uint64)


def _banded(texts: Sequence[str], odd: U32) -> U64:
    """Return band hashes; a text shorter than a gram is filled up with blanks."""
    padded = [text.ljust(GRAM) for text in texts]
    lengths = np.array([len(text) - GRAM + 1 for text in padded])
    bounds = np.cumsum(lengths) - lengths
    flat = np.frombuffer("".join(padded).encode("utf-32-le"), np.uint32)
    at = np.arange(int(lengths.sum())) + np.repeat(np.arange(len(texts)) * (GRAM - 1), lengths)
    hashed = np.zeros(len(at), np.uint32)
    for step in range(GRAM):
        hashed = (hashed ^ flat[at + step]) * np.uint32(0x9E3779B1)
        hashed ^= hashed >> np.uint32(15)
    bands = np.zeros((len(texts), BANDS), np.uint64)
    for number, factor in enumerate(odd):
        mixed = hashed * factor
        mixed ^= mixed >> np.uint32(16)
        least = np.minimum.reduceat(mixed, bounds).astype(np.uint64)
        band = bands[:, number // DEEP]
        band ^= least
        band *= np.uint64(0x9E3779B97F4A7C15)
        band ^= band >> np.uint64(31)
    return bands


def near_copies(members: Sequence[Member]) -> Iterator[Leak]:
    """Yield each text outside training with the nearest text of another fold whose 5-gram Jaccard exceeds `NEAR`.

    Texts of fewer than `SHORT` characters are left out. Min-hashes find candidates, so a few near copies
    (about 2 % of those at .8, next to none at .9) go unseen; what is found is exact.
    """
    fit = [(member, words) for member in members if len(words := normal(member.text[:CHARS])) >= SHORT]
    bands = signatures([words for _, words in fit])
    trains = np.array([member.fold == "train" for member, _ in fit], np.bool_)
    best: dict[int, tuple[float, int]] = {}
    seen: set[tuple[int, int]] = set()
    for band in range(BANDS):
        for bucket in _buckets(bands[:, band]):
            if not trains[bucket].all():
                _compare(fit, bucket.tolist(), best, seen)
    for at, (likeness, other) in sorted(best.items()):
        yield Leak(fit[at][0], fit[other][0], likeness)


def _buckets(hashes: U64) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the places of equal hashes, two and more together."""
    order = np.argsort(hashes, kind="stable")
    edges = np.flatnonzero(np.diff(hashes[order])) + 1
    for bucket in np.split(order, edges):
        if len(bucket) > 1:
            yield bucket


def _compare(
    fit: Sequence[tuple[Member, str]], bucket: Sequence[int],
    best: dict[int, tuple[float, int]], seen: set[tuple[int, int]],
) -> None:  # fmt: skip
    """Note for each text of the bucket that measures how near a text of another fold comes."""
    known: dict[int, frozenset[str]] = {}
    for at in bucket:
        if fit[at][0].fold == "train" or best.get(at, (0.0, 0))[0] == 1.0:
            continue
        others = (other for other in bucket if (at, other) not in seen and _may_be_copies(fit[at], fit[other]))
        for other in islice(others, WIDEST):
            seen.add((at, other))
            for place in (at, other):
                if place not in known:
                    known[place] = grams(fit[place][1])
            shared = len(known[at] & known[other])
            likeness = shared / (len(known[at]) + len(known[other]) - shared)
            if likeness > max(NEAR, best.get(at, (0.0, 0))[0]):
                best[at] = (likeness, other)


def _may_be_copies(one: tuple[Member, str], other: tuple[Member, str]) -> bool:
    """Whether two texts lie in different folds, after the same context, and are about as long."""
    lengths = sorted((len(one[1]), len(other[1])))
    apart = one[0].fold != other[0].fold
    return apart and one[0].context == other[0].context and lengths[0] >= NEAR * 0.9 * lengths[1]


def report(members: Sequence[Member], leaks: Sequence[Leak]) -> Iterator[str]:
    """Yield the counts as Markdown."""
    folds = Counter(member.fold for member in members)
    yield f"{len(members)} texts: " + ", ".join(f"{fold} {count}" for fold, count in sorted(folds.items())) + "."
    for what in ("group", "pair"):
        yield f"{what.capitalize()}s in more than one fold: {len(torn(members, what))}."
    yield "\n### Leaks\n"
    yield "| measures | source | also in | same text | near copy | of texts |\n|---|---|---|---|---|---|"
    cells: dict[tuple[str, str, str], Counter[bool]] = defaultdict(Counter)
    for leak in leaks:
        cells[leak.one.fold, leak.one.source, leak.other.fold][leak.likeness == 1.0] += 1
    whole = Counter((member.fold, member.source) for member in members)
    for (fold, source, other), counts in sorted(cells.items()):
        yield f"| {fold} | {source} | {other} | {counts[True]} | {counts[False]} | {whole[fold, source]} |"
    for fold in ("cal", "dev", "held out"):
        leaked = {leak.one.id for leak in leaks if leak.one.fold == fold and leak.other.fold == "train"}
        yield f"\n{fold}: {len(leaked)} of {folds[fold]} texts stand in training, word for word or nearly."


def main() -> None:
    """Print the counts; write the ids of texts that measure and stand in training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--ids", type=Path, help="file for the ids of the leaking texts, one a line")
    arguments = parser.parse_args()
    members = members_of(all_texts(arguments.data, arguments.work / "rows.pkl"), held_out())
    found: dict[tuple[str, str], Leak] = {}
    for leak in (*copies(members), *near_copies(members)):
        found.setdefault((leak.one.id, leak.other.fold), leak)
    for line in report(members, list(found.values())):
        print(line)
    if arguments.ids:
        leaking = sorted({leak.one.id for leak in found.values() if leak.other.fold == "train"})
        arguments.ids.write_text("".join(f"{name}\n" for name in leaking), encoding="utf-8")


if __name__ == "__main__":
    main()
