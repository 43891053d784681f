"""The table of `minor-lexicon` is made of invented words here."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from leeward.detectors.minor_lexicon_table import TermKind, digest_of, packed, unpacked

LEXICON = Path(__file__).parents[3] / "training/lexicon"


@pytest.fixture(scope="module")
def build() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(LEXICON), *sys.path])
        return importlib.import_module("build")


@pytest.fixture(scope="module")
def sources(build: ModuleType) -> ModuleType:
    return sys.modules["sources"]


def verdicts(sources: ModuleType, **kinds: int) -> dict[str, TermKind]:
    return {digest_of(word.replace("_", " "), sources.SALT).hex(): TermKind(kind) for word, kind in kinds.items()}


def test_words_without_a_verdict_and_short_ones_are_left_out(build: ModuleType, sources: ModuleType) -> None:
    found = [sources.Word(text, "en") for text in ("Blorvish", "snarquel", "dax", "quimple dax")]

    terms = build.reviewed(found, verdicts(sources, blorvish=1, dax=1, quimple_dax=2))

    assert {form: (term.kind, term.is_open) for form, term in terms.items()} == {
        "blorvish": (TermKind.EXPLICIT, False),
        "quimple dax": (TermKind.VULGAR, False),
    }


def test_a_language_with_endings_opens_the_end_and_drops_the_last_vowel(build: ModuleType, sources: ModuleType) -> None:
    terms = build.reviewed([sources.Word("blorvisha", "pl")], verdicts(sources, blorvisha=1))

    assert {form: term.is_open for form, term in terms.items()} == {"blorvisha": True, "blorvish": True}


def test_innocent_texts_close_weaken_and_remove(build: ModuleType, sources: ModuleType) -> None:
    names = ("blorvish", "snarquel", "grolpen", "plimfen")
    terms = build.reviewed([sources.Word(name, "de") for name in names], verdicts(sources, **dict.fromkeys(names, 1)))
    texts = ["blorvisher"] * 3 + ["grolpen"] * 3 + ["plimfen"] * (build.MOST_SEEN + 1)

    kept, changes = build.weakened(terms, texts)

    assert {term.text: (term.kind, term.is_open) for term in kept} == {
        "blorvish": (TermKind.EXPLICIT, False),
        "snarquel": (TermKind.EXPLICIT, True),
        "grolpen": (TermKind.VULGAR, False),
    }
    assert changes == {"closed": 3, "weakened": 1, "left out": 1}


def test_the_shipped_table_holds_reviewed_terms_alone(build: ModuleType, sources: ModuleType) -> None:
    shipped = unpacked(build.SHIPPED.read_bytes(), "shipped")

    assert shipped.salt == sources.SALT
    assert len(shipped.records) > 500
    assert unpacked(packed([], sources.SALT), "empty").records == {}


def test_a_missing_list_says_how_to_get_it(sources: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="npm pack naughty-words@1"):
        list(sources.words(tmp_path))
    (tmp_path / sources.NAUGHTY.archive).write_bytes(b"another")
    with pytest.raises(SystemExit, match="is not version"):
        list(sources.words(tmp_path))
