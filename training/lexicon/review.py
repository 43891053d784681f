"""Asks a person about each listed term that has no verdict yet, and adds the verdict to `kinds.tsv` by hash.

    python review.py --lists LISTS

e explicit: hardly said but of sexual acts or pornography; v vulgar: also an expletive, or a word of law, medicine and
teaching; anything else: left out (anatomy, medicine, insults, whatever else a word may mean). Words are shown in the
terminal and written nowhere.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sources import SALT, words

from leeward.detectors.minor_lexicon_table import TermKind, digest_of, normal_form

KINDS = Path(__file__).with_name("kinds.tsv")
ANSWERS = {"e": TermKind.EXPLICIT, "v": TermKind.VULGAR}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lists", type=Path, required=True)
    parser.add_argument("--language", help="ask about this language alone")
    args = parser.parse_args()
    lines = KINDS.read_text(encoding="utf-8").splitlines()
    known = {line.split("\t")[0] for line in lines}
    try:
        for word in words(args.lists):
            digest = digest_of(normal_form(word.text), SALT).hex()
            if digest in known or (args.language and word.language != args.language):
                continue
            known.add(digest)
            if kind := ANSWERS.get(input(f"{word.language}  {word.text}  [e/v/-] ").strip().lower()):
                lines.append(f"{digest}\t{int(kind)}")
    except (EOFError, KeyboardInterrupt):
        print()
    head, *verdicts = lines
    KINDS.write_text("\n".join((head, *sorted(verdicts))) + "\n", encoding="utf-8")
    print(f"{len(verdicts)} verdicts in {KINDS}")


if __name__ == "__main__":
    main()
