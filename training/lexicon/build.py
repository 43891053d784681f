"""Makes the table of hashed sexual terms that `minor-lexicon` ships.

    python build.py --lists LISTS --data DATA      # LISTS holds the archives of sources.py

Terms come from openly licensed lists; `kinds.tsv` says of each, by its hash, whether a review took it and as what.
Innocent texts then weaken it: a term that they hold now and then counts as vulgar, one that they hold often is left
out, and an ending that makes an innocent word of it is not allowed. Held-out texts are not looked at.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from innocent import innocent
from sources import SALT, Word, words

from leeward.detectors.minor_lexicon_table import (
    UNSPACED,
    Term,
    TermKind,
    digest_of,
    normal_form,
    packed,
    unpacked,
)
from leeward.detectors.patterns import fold

HERE = Path(__file__).parent
SHIPPED = HERE.parents[1] / "src/leeward/detectors/minor_lexicon_data/sexual_terms.bin"
WITH_ENDINGS = frozenset(
    ("fi", "hu", "tr", "pl", "cs", "ro", "bg", "uk", "ru", "el", "ko", "de", "nl", "sv", "da", "no", "es", "it", "pt")
)
LEAST_OPEN = {"ko": 2}  # letters of a term whose end may be open; 5 elsewhere
LEAST_WORD = 4  # letters of a single word in an alphabet: shorter ones are words of some other language
MOST_SEEN = 20  # innocent texts that may hold a term; one with more is left out
MOST_EXPLICIT = 1  # innocent texts that may hold an explicit term; one with more counts as vulgar
VOWELS = "aeiouyаеиоуыэюяьαεηιου"


def kinds(path: Path) -> Mapping[str, TermKind]:
    """Return the verdicts of the review by hash."""
    rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return {digest: TermKind(int(kind)) for digest, kind in rows}


def reviewed(found: Iterable[Word], verdicts: Mapping[str, TermKind]) -> dict[str, Term]:
    """Return the terms that the review took, by normal form; also without the vowel that endings replace."""
    terms: dict[str, Term] = {}
    for word in found:
        form = normal_form(word.text.replace(r"\t", " "))
        kind = verdicts.get(digest_of(form, SALT).hex())
        if kind is None or not _is_long_enough(form):
            continue
        can_open = word.language in WITH_ENDINGS and " " not in form and not UNSPACED.search(form)
        is_open = can_open and len(form) >= LEAST_OPEN.get(word.language, 5)
        terms[form] = Term(form, kind, is_open)
        stem = form.rstrip(VOWELS) if is_open else form
        if len(stem) >= 5 and len(form) - len(stem) == 1:
            terms.setdefault(stem, Term(stem, kind, True))
    return terms


def _is_long_enough(form: str) -> bool:
    if not form:
        return False
    return " " in form or not (form.isascii() or form[0] < "\u0900") or len(form) >= LEAST_WORD


def weakened(terms: Mapping[str, Term], texts: Sequence[str]) -> tuple[list[Term], Counter[str]]:
    """Return the terms after innocent texts had their say, and how many they changed."""
    changes: Counter[str] = Counter()
    current = dict(terms)
    for is_first in (True, False):  # endings first, or an innocent word would cost the term itself
        seen = _seen(current, texts)
        for form, term in list(current.items()):
            count = seen[digest_of(form, SALT)]
            if is_first:
                if term.is_open and count:
                    current[form] = replace(term, is_open=False)
                    changes["closed"] += 1
            elif count > MOST_SEEN:
                del current[form]
                changes["left out"] += 1
            elif count > MOST_EXPLICIT and term.kind is TermKind.EXPLICIT:
                current[form] = replace(term, kind=TermKind.VULGAR)
                changes["weakened"] += 1
    return list(current.values()), changes


def _seen(terms: Mapping[str, Term], texts: Sequence[str]) -> Counter[bytes]:
    """Return how many texts hold each term, by its hash."""
    table = unpacked(packed(list(terms.values()), SALT), "the table")
    counts: Counter[bytes] = Counter()
    for text in texts:
        counts.update({place.key for place in table.find(text, 0, len(text))})
    return counts


def covered(found: Iterable[Word], kept: Sequence[Term]) -> str:
    """Return lines that say how many explicit and vulgar words of each language are in the table."""
    by_form = {term.text: term.kind for term in kept}
    counts = Counter((word.language, by_form.get(normal_form(word.text))) for word in found)
    languages = sorted({language for language, _ in counts})
    return "\n".join(
        f"{name:<4} {counts[name, TermKind.EXPLICIT]:>4} explicit {counts[name, TermKind.VULGAR]:>4} vulgar"
        for name in languages
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lists", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    args = parser.parse_args()
    terms = reviewed(words(args.lists), kinds(HERE / "kinds.tsv"))
    texts = [fold(text.text) for text in innocent(args.data) if not text.is_held_out and text.kind != "post"]
    kept, changes = weakened(terms, texts)
    args.out.write_bytes(packed(kept, SALT))
    explicit = sum(term.kind is TermKind.EXPLICIT for term in kept)
    print(covered(words(args.lists), kept))
    print(f"{len(terms)} terms reviewed; {len(texts)} innocent texts: {dict(changes)}")
    print(f"{args.out}: {len(kept)} terms, {explicit} explicit, {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
