"""Makes what a reply is compared with: the operator's instructions, and what was flagged in data."""

from __future__ import annotations

import codecs
import re
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from hashlib import blake2b

from leeward.detectors.compact import compact
from leeward.detectors.instruction_words import ORDERED, TOLD, weight_of
from leeward.domain.view import Span
from leeward.domain.withheld import Flagged, Instructions
from leeward.inspection.normalise import layers_of

_SIZE = 16  # about three words of an alphabet
_SIZE_OF_SIGNS = 8  # a sign of Chinese, Japanese or Korean says as much as several letters
_SIGN = re.compile("[\u0e00-\u0e7f\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff]")
# In quotation marks stands what is to be said: greetings, examples. Shorter quotations are names.
_QUOTED = re.compile(r"\"[^\"\n]{12,600}\"|«[^»\n]{12,600}»|„[^“”\n]{12,600}[“”]|“[^”\n]{12,600}”|「[^」\n]{6,600}」")
# What is marked as reference matter is there to be told as well.
_REFERENCE = re.compile(
    r"<(documents?|context|knowledge(?:_base)?|faq|articles?|passages?|sources?|data|excerpts?|examples?|search_results?)"
    r"(?:\s[^<>]{0,200})?>.*?(?:</\1>|\Z)|^```.*?(?:^```|\Z)",
    re.DOTALL | re.MULTILINE,
)
_SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？\n]*")
# Long instructions bring reference matter along, in which sentences read like orders and are there to be told: of those
# it takes twice as much. Of very long ones nothing else is compared.
_LONG_LETTERS, _VERY_LONG_LETTERS = 2_500, 6_000
_WEIGHT_IN_LONG = 0.25
_LEAST_LETTERS = 3  # runs; shorter instructions are common words
_ORDERS_ONLY = 0.1  # least weight
_CACHED = 32
# What one request can make us read, on the event loop. More of the instructions is not compared; more of what was said
# elsewhere is taken for unsaid.
_MOST_CHARS, _MOST_ELSEWHERE_CHARS = 16_000, 256_000
_CONSONANTS = "bcdfghjkmnpqrtvw"  # no word, no letter that a digit stands for, sixteen of them


class InstructionBook:
    """Instructions that were compared before; most operators have one text.

    Args:
        key: Secret of this process; digests of remembered texts are keyed with it.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._known: OrderedDict[bytes, tuple[Mapping[str, float], int]] = OrderedDict()

    def instructions(self, texts: Sequence[str], said: Iterable[str] = (), canary: str = "") -> Instructions | None:
        """Return what a reply must not repeat; None when nobody instructed the model.

        Args:
            texts: The instructions.
            said: What the caller wrote, or had read: repeating that gives nothing away.
            canary: A word of `canary_of` that was put into the instructions; empty when none was.
        """
        if not any(text.strip() for text in texts):
            return None
        grams, size = self._grams(texts)
        kept = tuple(_first(said, _MOST_ELSEWHERE_CHARS))

        @cache
        def heard() -> str:
            return "\n".join(compact(layers_of(text)[1].text) for text in kept)

        return Instructions(grams, size, heard, _marks(canary), _encoded_marks(canary))

    def _grams(self, texts: Sequence[str]) -> tuple[Mapping[str, float], int]:
        digest = blake2b(key=self._key, digest_size=16)
        for text in texts:
            data = text.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "big") + data)
        key = digest.digest()
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = _grams_of(texts)
            if len(self._known) > _CACHED:
                with suppress(KeyError):
                    self._known.popitem(last=False)
        return known


def canary_of(salt: bytes) -> str:
    """Return a word that nobody can guess: two letters for each byte of `salt`."""
    return "".join(_CONSONANTS[byte >> 4] + _CONSONANTS[byte & 15] for byte in salt)


def flagged_of(texts: Iterable[tuple[str, Sequence[Span]]], rest: Iterable[str]) -> Flagged | None:
    """Return what was flagged, and everything else; None when nothing was.

    Args:
        texts: Texts in which something was flagged, as they came, with where.
        rest: Texts in which nothing was.
    """
    told = [(text, sorted(spans, key=lambda span: span.start)) for text, spans in texts if spans]
    if not told:
        return None
    flagged = "\n".join(_readings(text[span.start : span.stop]) for text, spans in told for span in spans)
    others = [*rest, *(_without(text, spans) for text, spans in told)]

    @cache
    def elsewhere() -> str:
        return "\n".join(map(_readings, _first(others, _MOST_ELSEWHERE_CHARS)))

    return Flagged(flagged, elsewhere)


def _first(texts: Iterable[str], most: int) -> Iterator[str]:
    """Yield the texts up to so many characters in all."""
    for text in texts:
        if most <= 0:
            return
        yield text[:most]
        most -= len(text)


def _readings(text: str) -> str:
    """Return the letters of a text and of what it hides in encodings; the folded reading would change numbers."""
    layers = layers_of(text)
    return "\n".join(compact(layer.text) for layer in (layers[0], *layers[2:]))


def _without(text: str, spans: Sequence[Span]) -> str:
    pieces, at = [], 0
    for span in spans:
        pieces.append(text[at : span.start])
        at = max(at, span.stop)
    return "\n".join((*pieces, text[at:]))


def _grams_of(texts: Sequence[str]) -> tuple[Mapping[str, float], int]:
    folded = [layers_of(text)[1].text for text in _first(texts, _MOST_CHARS)]
    letters = sum(len(compact(text)) for text in folded)
    signs = sum(len(_SIGN.findall(text)) for text in folded)
    size = _SIZE_OF_SIGNS if 2 * signs > letters else _SIZE
    grams: dict[str, float] = {}
    if letters < _LEAST_LETTERS * size:
        return grams, size
    ordered = _WEIGHT_IN_LONG if letters > _LONG_LETTERS else ORDERED
    for stretch in (stretch for text in folded for stretch in _stretches(text, ordered)):
        turned = [(codecs.encode(word, "rot13"), weight) for word, weight in stretch]
        backwards = [(word[::-1], weight) for word, weight in reversed(stretch)]
        for words in (stretch, stretch[::-1], backwards, turned):
            _add(grams, words, size, least=_ORDERS_ONLY if letters > _VERY_LONG_LETTERS else TOLD)
    return grams, size


def _stretches(text: str, ordered: float) -> Iterator[list[tuple[str, float]]]:
    """Yield the words between quotations and reference matter, each with the weight of its sentence."""
    bare = _REFERENCE.sub('\n"\n', text)
    for piece in (piece for told in bare.split('\n"\n') for piece in _QUOTED.split(told)):
        weighed = ((sentence[0], weight_of(sentence[0])) for sentence in _SENTENCE.finditer(piece))
        words = [(compact(word), weight) for sentence, weight in weighed for word in sentence.split()]
        yield [(word, ordered if weight == ORDERED else weight) for word, weight in words if word]


def _add(grams: dict[str, float], words: Sequence[tuple[str, float]], size: int, *, least: float) -> None:
    text = "".join(word for word, _ in words)
    weights = [weight for word, weight in words for _ in word]
    for at in range(len(text) - size + 1):
        weight = (weights[at] + weights[at + size - 1]) / 2
        if weight >= least:
            gram = text[at : at + size]
            grams[gram] = max(weight, grams.get(gram, TOLD))


def _marks(canary: str) -> tuple[str, ...]:
    if not canary:
        return ()
    turned = codecs.encode(canary, "rot13")
    return canary, canary[::-1], turned, turned[::-1]


def _encoded_marks(canary: str) -> tuple[str, ...]:
    """Return the letters of base64 that are the same whatever stands before and after the canary."""
    return (
        tuple(_base64_inside(form, shift) for form in (canary, canary.upper()) for shift in range(3)) if canary else ()
    )


def _base64_inside(word: str, shift: int) -> str:
    letters = b64encode(b" " * shift + word.encode()).decode().rstrip("=")
    first = -(-shift * 8 // 6)
    return letters[first : (shift + len(word)) * 8 // 6]
