"""Measures the guard's own bias: the same words about another group, and the same language in another variety."""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "front")]
from data import Row, folded  # noqa: E402
from evaluate import Measured, table  # noqa: E402
from measures import Share  # noqa: E402
from scoring import scored  # noqa: E402
from thresholds import RULESETS, WEIGHTS  # noqa: E402
from thresholds_of import thresholds_of  # noqa: E402

from cascade import applied  # noqa: E402
from grown import FOLDER, Text, grown, sections  # noqa: E402
from leeward.models.encoder import Encoder  # noqa: E402
from leeward.models.gate import Gate  # noqa: E402

HATE = "RULE-MIST-001"
FOLDS = ("dev", "cal", "train")
# What entry k of the section `groups` names in every language; the ninth is a minority of the country.
KINDS = ("women", "gay", "trans", "Black", "disabled", "Muslim", "Jewish", "migrants", "minority", "old")
VARIETIES = (("aae", "en"), ("gsw", "de"), ("ary", "ar"), ("pt-BR", "pt-PT"))
_FRAMES = {"frames": 0, "frames2": 100}  # sections of frames, and where their places begin
OCEAN = Path(__file__).with_name("portuguese.txt")  # the same sentences, Brazilian || European; CC0-1.0


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a filled frame comes from.

    Attributes:
        lang: Name of the file, a variety such as `aae` or a language.
        group: Place in the section `groups`.
        place: Place in the section `frames`; that in `frames2` and 100.
        is_harmful: Whether it is the harmful side.
    """

    lang: str
    group: int
    place: int
    is_harmful: bool


def frame_of(text: Text) -> Frame | None:
    """Return which frame `text` fills; None for other texts."""
    parts = text.row.id.split("-")
    if parts[0] != "grown" or parts[1] not in _FRAMES:
        return None
    place, *lang, side, group = parts[2:]
    return Frame("-".join(lang), int(group), int(place) + _FRAMES[parts[1]], side == "0")


def everyday_of_varieties() -> dict[str, list[Text]]:
    """Return everyday texts by variety: the grown corpus in all folds, and pairs that were never trained on."""
    found: dict[str, list[Text]] = defaultdict(list)
    for text in grown():
        name = text.row.id.split("-", 3)[3].rsplit("-", 2)[0]
        if text.row.everyday and any(name in both for both in VARIETIES):
            found[name].append(text)
    for number, line in enumerate(OCEAN.read_text(encoding="utf-8").splitlines()):
        for name, words in zip(VARIETIES[-1], line.split("||"), strict=True):
            key, said = f"ocean-{number}", {"hate": 0.0}
            found[name].append(Text(Row(f"{key}-{name}", folded(words.strip()), "pt", "ocean", key, "dev", said)))
    return found


class Parity:
    """Filled frames with the product's answers.

    Attributes:
        langs: File of each text [texts].
        groups: Place of its group [texts].
        harmful: Whether it is the harmful side [texts].
        chance: Probability of RULE-MIST-001 [texts].
        fired: Whether RULE-MIST-001 fires [texts].
    """

    def __init__(self, texts: Sequence[Text], chance: npt.NDArray[np.float64], fired: npt.NDArray[np.bool_]) -> None:
        frames = [frame for text in texts if (frame := frame_of(text)) is not None]
        if len(frames) != len(texts):
            raise ValueError("every text must fill a frame")
        self.langs = np.array([frame.lang for frame in frames])
        self.groups = np.array([frame.group for frame in frames])
        self.places = np.array([frame.place for frame in frames])
        self.harmful = np.array([frame.is_harmful for frame in frames], np.bool_)
        self.chance, self.fired = chance, fired

    def false_positives(self, part: npt.NDArray[np.bool_]) -> Share:
        """Return how many harmless sides of `part` fire."""
        return Share.of(self.fired[part & ~self.harmful])

    def false_negatives(self, part: npt.NDArray[np.bool_]) -> Share:
        """Return how many harmful sides of `part` do not fire."""
        return Share.of(~self.fired[part & self.harmful])

    def swing(self, part: npt.NDArray[np.bool_]) -> float:
        """Return the mean, over the harmless frames of `part`, of the widest gap that a change of group makes."""
        gaps = []
        for lang in set(self.langs[part]):
            for place in set(self.places[part]):
                own = self.chance[part & ~self.harmful & (self.langs == lang) & (self.places == place)]
                if len(own) > 1:
                    gaps.append(float(own.max() - own.min()))
        return float(np.mean(gaps)) if gaps else float("nan")


def spread(values: Sequence[float]) -> float:
    """Return the highest less the lowest, of those that are known; NaN when none is."""
    known = [value for value in values if not np.isnan(value)]
    return max(known) - min(known) if known else float("nan")


def by_group(of: Parity, part: npt.NDArray[np.bool_]) -> Iterator[tuple[object, ...]]:
    """Yield a line for each kind of group, then the spread between them."""
    wrong, missed, means = [], [], []
    for number, kind in enumerate(KINDS):
        mine = part & (of.groups == number)
        wrong.append(of.false_positives(mine))
        missed.append(of.false_negatives(mine))
        own = of.chance[mine & ~of.harmful]
        means.append(float(own.mean()) if len(own) else float("nan"))
        yield kind, wrong[-1], f"{means[-1]:.3f}", missed[-1]
    gaps = [100 * spread([share.value for share in shares]) for shares in (wrong, missed)]
    yield "**spread**", f"{gaps[0]:.1f}", f"{spread(means):.3f}", f"{gaps[1]:.1f}"


def by_language(of: Parity, part: npt.NDArray[np.bool_]) -> Iterator[tuple[object, ...]]:
    """Yield a line for each language: both rates, and how far they differ between its groups."""
    for lang in sorted(set(of.langs[part])):
        mine = part & (of.langs == lang)
        groups = [mine & (of.groups == number) for number in range(len(KINDS))]
        wrong = 100 * spread([of.false_positives(group).value for group in groups])
        missed = 100 * spread([of.false_negatives(group).value for group in groups])
        rates = of.false_positives(mine), of.false_negatives(mine)
        yield lang, rates[0], f"{wrong:.1f}", rates[1], f"{missed:.1f}", f"{of.swing(mine):.3f}"


def frames(encoder: Encoder, gate: Gate, rulesets: Path, folds: Sequence[str]) -> None:
    """Print both tables of the frames for each of `folds`."""
    every = [text for text in grown() if frame_of(text) is not None]
    head = "false positives %", "mean score of harmless", "false negatives %"
    wide = "false positives %", "spread", "false negatives %", "spread", "swing of a harmless frame"
    for fold in folds:
        texts = [text for text in every if text.row.fold == fold]
        measured = Measured(applied(scored(texts, encoder, f"frames {fold}"), encoder, gate), thresholds_of(rulesets))
        parity = Parity(texts, measured.chance(HATE), measured.fired[HATE])
        everything = np.ones(len(texts), np.bool_)
        table(f"Groups ({fold} frames)", ("group", *head), by_group(parity, everything))
        table(f"Groups by language ({fold} frames)", ("language", *wide), by_language(parity, everything))


def varieties(encoder: Encoder, gate: Gate, rulesets: Path) -> None:
    """Print how much everyday text of each variety is blocked, beside that of its standard language."""
    by, thresholds, lines = everyday_of_varieties(), thresholds_of(rulesets), []
    for name in (name for both in VARIETIES for name in both):
        measured = Measured(applied(scored(by[name], encoder, name), encoder, gate), thresholds)
        lines.append((name, Share.of(measured.stopped), f"{measured.chance(HATE).mean():.3f}"))
    table("Varieties (everyday texts)", ("variety", "blocked %", "mean score of RULE-MIST-001"), lines)


def missing_groups() -> list[str]:
    """Return files that do not name one group for each kind; their lines would be laid at another group's door."""
    return [
        path.stem for path in sorted(FOLDER.glob("*.txt"))
        if sum(section == "groups" for section, _, _ in sections(path)) != len(KINDS)
    ]  # fmt: skip


def main() -> int:
    """Print all tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, help="not used; taken so that all steps have the same arguments")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--rulesets", type=Path, default=RULESETS)
    seen = "train holds 22 of 24 frames, all seen"
    parser.add_argument("--folds", nargs="+", choices=FOLDS, default=["dev", "cal"], help=seen)
    arguments = parser.parse_args()
    if wrong := missing_groups():
        print(f"These files do not name {len(KINDS)} groups: {', '.join(wrong)}.", file=sys.stderr)
        return 2
    encoder, gate = Encoder.load(arguments.weights), Gate.load(arguments.weights)
    frames(encoder, gate, arguments.rulesets, arguments.folds)
    varieties(encoder, gate, arguments.rulesets)
    return 0


if __name__ == "__main__":
    sys.exit(main())
