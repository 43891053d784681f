"""Well-known false claims as data, and whether a text makes one or only speaks of it."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

import msgspec
import re2

from leeward.detectors.patterns import fold
from leeward.errors import DetectorError

# Claim and context together are at most 200 characters, so that a stream is held back no further.
CLAIM_CHARS = 70
BEFORE_CHARS = 70
AFTER_CHARS = 60

LANGUAGES = ("en", "fr", "de", "es", "it", "pt", "nl", "pl", "ru", "ar", "zh", "ja")
_UNSPACED = frozenset({"zh", "ja"})
# Letters after folding, as small classes: `\pL` makes expressions that RE2 cannot hold in its cache.
_LETTERS = {"ru": "а-я", "ar": "ء-ي"}
_LATIN = "a-zß-ɏ"
_SHORTHAND = {
    "<is>": r"(?:is|are|was|were)(?: (?:actually|really|definitely|in fact|just|simply|all|truly|also|indeed))? ",
    "<w>": r"(?:[\pL0-9'-]+,? ){0,3}",
    "<can>": r"(?:(?:can|could|will) (?:also )?)",
}
_SENTENCE_START = re2.compile(r"[.!?。！？؟\n](?:[^.!?。！？؟\n]*)$")
_SENTENCE = re2.compile(r"^[^.!?。！？؟\n]*(?:[.!]?$|[.!?。！？؟\n])")
_QUOTE = re2.compile(r"""["“«„‘「『](?:the |that |all )?$""")
_QUESTION = ("?", "？", "؟")


class _Row(msgspec.Struct, forbid_unknown_fields=True):
    says: str
    about: tuple[str, ...]
    correction: str = ""
    source: str = ""


class _Cues(msgspec.Struct, forbid_unknown_fields=True):
    near: str
    before: str
    after: str
    inside: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim that is known to be false.

    Attributes:
        id: Name for evidence, the same in all languages.
        says: How the claim is worded, over folded text; group 1 is the claim without its bounds.
        is_denial: Whether the claim itself denies something, so that a "not" in it is its own.
    """

    id: str
    language: str
    about: tuple[str, ...]
    says: re2._Regexp
    is_denial: bool
    correction: str
    source: str


class Hedges:
    """Words of one language which show that a claim is told, doubted or denied."""

    def __init__(self, cues: _Cues, language: str) -> None:
        self._near, self._before, self._after, self._inside = (
            _compile(f"(?:{cue})", language) for cue in (cues.near, cues.before, cues.after, cues.inside)
        )

    def denies(self, words: str) -> bool:
        """Whether the words hold a denial."""
        return self._inside.search(words) is not None

    def is_asserted(self, text: str, start: int, stop: int, *, is_denial: bool = True) -> bool:
        """Whether `text[start:stop]` is said as true, judged by at most 70 characters before and 60 behind it."""
        before = text[max(0, start - BEFORE_CHARS) : start]
        after = text[stop : stop + AFTER_CHARS]
        if _QUOTE.search(before) or self._near.search(before) or self._near.search(after):
            return False
        if not is_denial and self._inside.search(text[start:stop]):
            return False
        begun = _SENTENCE_START.search(before)
        sentence = before[begun.start() + 1 :] if begun else before
        found = _SENTENCE.search(after)
        rest = found.group() if found else after
        return not (rest.endswith(_QUESTION) or self._before.search(sentence) or self._after.search(rest))


def load_hedges() -> Mapping[str, Hedges]:
    """Return the hedges of each language, by tag."""
    rows = msgspec.convert(_table("hedges"), dict[str, _Cues])
    return {language: Hedges(cues, language) for language, cues in rows.items()}


def load_claims(hedges: Mapping[str, Hedges]) -> Sequence[Claim]:
    """Return all claims of all languages.

    Args:
        hedges: Of each language; they tell whether a claim itself denies something.

    Raises:
        DetectorError: If a claim in another language has no English one to give its correction.
    """
    known = msgspec.convert(_table("en"), dict[str, _Row])
    claims = [_claim(id, row, row, "en", hedges["en"]) for id, row in known.items()]
    for language in LANGUAGES[1:]:
        for id, row in msgspec.convert(_table(language), dict[str, _Row]).items():
            if id not in known:
                raise DetectorError(f"claim {id!r} in {language}.toml is not in en.toml", remedy="Add it there.")
            claims.append(_claim(id, row, known[id], language, hedges[language]))
    return claims


def by_literal(claims: Sequence[Claim]) -> Mapping[str, Sequence[Claim]]:
    """Return the claims that each literal of `about` opens the search for."""
    found: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims:
        for literal in claim.about:
            found[fold(literal)].append(claim)
    return found


def places_of(claim: Claim, text: str, at: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield where `text` words the claim near the positions `at`, which are sorted; linear in the text."""
    for begin, end in _around(at, len(text)):
        for match in claim.says.finditer(text[begin:end]):
            start, stop = match.span(1)
            if stop - start <= CLAIM_CHARS:
                yield begin + start, begin + stop


def _around(at: Sequence[int], length: int) -> Iterator[tuple[int, int]]:
    """Yield stretches that hold every claim around the positions, each character in one of them."""
    begin = end = 0
    for place in at:
        if place - CLAIM_CHARS > end:
            if end > begin:
                yield begin, end
            begin = max(0, place - CLAIM_CHARS)
        end = min(length, place + CLAIM_CHARS + 2)
    if end > begin:
        yield begin, end


def _claim(id: str, row: _Row, known: _Row, language: str, hedges: Hedges) -> Claim:
    says = row.says
    for short, long in _SHORTHAND.items():
        says = says.replace(short, long)
    return Claim(
        id=id,
        language=language,
        about=row.about,
        says=_compile(f"({says})", language),
        is_denial=hedges.denies(row.says.replace(".t", "'t")),
        correction=known.correction,
        source=known.source,
    )


def _compile(regex: str, language: str) -> re2._Regexp:
    """Return `regex` between word bounds, where the script has words; RE2's own bounds know ASCII alone."""
    if language in _UNSPACED:
        return re2.compile(regex)
    letters = _LETTERS.get(language, _LATIN)
    regex = re.sub(r"\[([^\]]*)\\pL", lambda m: f"[{m[1]}{letters}", regex).replace(r"\pL", f"[{letters}]")
    return re2.compile(f"(?:^|[^0-9{letters}]){regex}(?:$|[^0-9{letters}])")


def _table(name: str) -> object:
    text = (files("leeward.detectors") / "misinformation_data" / f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
