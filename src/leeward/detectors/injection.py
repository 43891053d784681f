"""Prompt injection: orders that set aside the operator's, in what people write and in data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from leeward.detectors.cells import cells, unescaped
from leeward.detectors.injection_lexicon import MODEL, Hit, Lexicon, Part, lexicon
from leeward.detectors.injection_rules import (
    COMBINATIONS,
    CONTROL_TOKEN,
    INDIRECT,
    OVERRIDE,
    ROLEPLAY,
    SYSTEM_PROMPT,
    Combination,
    surest_combination,
)
from leeward.domain.finding import NOTHING, Finding, Reading
from leeward.domain.ports import DetectorInfo
from leeward.domain.view import Layer, Span, Stage, View

ENCODED = "injection.encoded"
REACH_CHARS = 256
_QUOTED_FACTOR = 0.4  # quoted in a question
_ABOUT_FACTOR = 0.7  # in a prompt that talks about attacks
_QUESTION_MARKS = frozenset("?？؟")
_QUESTION_CHARS = 400  # a longer text is hardly a question about attacks
_LEAST = 0.2  # surer readings only are worth a finding

_END = re.compile(
    r"[.!?؟।…]+[\"'”»)\]]*(?=\s|$)|[。！？]+[」』”]?|\n+|<!--|-->|</?[a-z][^<>]{0,80}>|\"\s*[,:}\]]|\"(?=[^\s\"])(?<=[:,{\[\s]\")"
)
_BEFORE_ADDRESS = frozenset("@#(<>[\"'«„“”»/:|")
_AFTER_ADDRESS = frozenset(":,，、：—–-،")

_ADDRESSED, _HARMLESS, _ORDER, _QUOTE = (int(p) for p in (Part.ADDRESSED, Part.HARMLESS, Part.ORDER, Part.QUOTE))
_TERMS = int(
    Part.SECRET | Part.RULES | Part.MODE | Part.JAILBREAK | Part.AI
)  # English words that other languages borrow
_CARRIED_OUT_NEXT = frozenset({OVERRIDE, INDIRECT, CONTROL_TOKEN})  # the next sentence says what to do instead
_OPENING_CHARS = 12  # "then", "and", "please" may stand before the verb
_WHOLE_KINDS = frozenset({"base64", "hex", "tags"})  # encodings that make no sense in part
_MESSAGES = {
    OVERRIDE: "Asks the model to set its instructions or rules aside.",
    ROLEPLAY: "Asks the model to act as one without rules, or in a mode without them.",
    SYSTEM_PROMPT: "Asks for the system prompt or other hidden instructions.",
    INDIRECT: "Data that gives orders to the model that reads it.",
    CONTROL_TOKEN: "Holds marks of a chat format or a forged turn.",
    ENCODED: "Holds an encoded or hidden order to the model.",
}


@dataclass(frozen=True, slots=True)
class _Sentence:
    start: int
    stop: int
    masks: dict[str, int]
    hits: list[Hit]


class Injection:
    """Finds orders that set aside the operator's, direct and indirect, in 28 languages.

    In a prompt a person may retract what they said, or ask about attacks; an order to set aside the model's own rules
    counts. In tool results and documents nobody has orders to give, so one addressed to a model counts as well.
    """

    info = DetectorInfo(
        id="injection",
        hazards=(
            "injection.override",
            "injection.roleplay",
            "injection.system_prompt",
            "injection.indirect",
            "injection.control_token",
            "injection.encoded",
        ),
        stages=(Stage.PROMPT, Stage.TOOL_RESULT, Stage.DOCUMENT),
        reach_chars=REACH_CHARS,
        budget_seconds=0.05,
    )

    def open(self) -> None:
        """Read the lexicon."""
        lexicon()

    def examine(self, view: View) -> Reading:
        """Return one finding for each sentence, or pair of sentences, that holds an injection."""
        words = lexicon()
        in_data = view.stage is not Stage.PROMPT
        found = list(_examine_layer(view.folded, words, in_data))
        for layer in view.layers[2:]:
            found.extend(_encoded(layer, words, in_data))
        if not found:
            return NOTHING
        return Reading(tuple(found))


def _examine_layer(layer: Layer, words: Lexicon, in_data: bool) -> Iterator[Finding]:
    text = unescaped(layer.text)
    loose = layer.kind == "spaced"
    first = words.telling_in_data if in_data else words.telling
    if not loose and not first.touches(text):
        return
    hits = words.words.hits(text, loose=loose)
    if not _possible(hits, in_data):
        return
    sentences = _sentences(text, hits)
    doubtful = not in_data and len(text) <= _QUESTION_CHARS
    about = doubtful and _is_about_attacks(sentences)
    asking = about or (doubtful and not _QUESTION_MARKS.isdisjoint(text))
    for start, stop, combination, confidence in _matches(text, sentences, in_data):
        sure = confidence * (
            _QUOTED_FACTOR if asking and _is_quoted(text, start, stop) else _ABOUT_FACTOR if about else 1.0
        )
        if sure >= _LEAST:
            yield Finding(
                hazard=combination.hazard,
                confidence=round(sure, 3),
                span=_span(layer, start, stop),
                message=_MESSAGES[combination.hazard],
                evidence=(combination.name,),
            )


def _encoded(layer: Layer, words: Lexicon, in_data: bool) -> Iterator[Finding]:
    """What a decoding orders; hiding it makes it surer, and a hidden text goes as a whole."""
    low = "".join(char.lower()[0] for char in layer.text)
    kept_whole = layer.kind in _WHOLE_KINDS
    for finding in _examine_layer(Layer(layer.kind, low, layer.offsets, layer.base), words, in_data):
        yield Finding(
            hazard=ENCODED,
            confidence=round(min(0.99, (1 + 3 * finding.confidence) / 4), 3),
            span=_span(layer, 0, len(low)) if kept_whole else finding.span,
            message=_MESSAGES[ENCODED],
            evidence=(layer.kind, *finding.evidence),
        )


def _possible(hits: Sequence[Hit], in_data: bool) -> bool:
    """Whether any combination can hold in the text as a whole."""
    masks: dict[str, int] = {}
    for hit in hits:
        for language, mask in hit.entry.roles:
            masks[language] = masks.get(language, 0) | mask | (_ADDRESSED if mask & MODEL else 0)
    return _surest(masks, in_data) is not None


def _surest(masks: dict[str, int], in_data: bool, *, reaching_on: bool = False) -> Combination | None:
    """Return the surest combination of which one language, helped by English terms of the trade, has all parts."""
    shared = masks.get("und", 0) | (masks.get("en", 0) & _TERMS)
    return _surest_of(frozenset([mask | shared for mask in masks.values()]), in_data, reaching_on)


@lru_cache(maxsize=16_384)
def _surest_of(masks: frozenset[int], in_data: bool, reaching_on: bool) -> Combination | None:
    held = {surest_combination(mask, in_data, reaching_on) for mask in masks}
    return max((one for one in COMBINATIONS if one in held), key=lambda one: one.confidence(in_data), default=None)


def _sentences(text: str, hits: Sequence[Hit]) -> list[_Sentence]:
    """Return the sentences that hold hits, at most REACH_CHARS long each."""
    bounds = _bounds(text)
    sentences: list[_Sentence] = []
    ordered = sorted(hits, key=lambda hit: hit.start)
    position = 0
    for start, stop in bounds:
        inside: list[Hit] = []
        while position < len(ordered) and ordered[position].start < stop:
            inside.append(ordered[position])
            position += 1
        if inside:
            sentences.append(_Sentence(start, stop, _masks(text, inside), inside))
    return sentences


def _bounds(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    ends: list[int] = []
    for match in _END.finditer(text):
        begin, end = match.span()
        if text[begin] in "<-":  # a mark of markup belongs to no sentence, other ends to the one before them
            ends.append(begin)
        ends.append(end)
    ends.append(len(text))
    for end in ends:
        while end - start > REACH_CHARS:
            cut = max(text.rfind(" ", start + 1, start + REACH_CHARS), text.rfind(",", start + 1, start + REACH_CHARS))
            cut = cut + 1 if cut > start else start + REACH_CHARS
            yield start, cut
            start = cut
        if end > start:
            yield start, end
        start = end


def _masks(text: str, hits: Sequence[Hit]) -> dict[str, int]:
    harmless = [
        (language, hit.start, hit.stop)
        for hit in hits
        if hit.entry.is_harmless
        for language, mask in hit.entry.roles
        if mask & _HARMLESS
    ]
    masks: dict[str, int] = {}
    for hit in hits:
        addressed = hit.entry.names_model and _is_addressed(text, hit)
        for language, mask in hit.entry.roles:
            if harmless and any(
                name == language and start <= hit.start and hit.stop <= stop for name, start, stop in harmless
            ):
                continue
            if addressed and mask & MODEL:
                mask |= _ADDRESSED
            masks[language] = masks.get(language, 0) | mask
    return masks


def _is_addressed(text: str, hit: Hit) -> bool:
    """Whether the word for a model opens a clause or is followed by what follows an address."""
    before = text[max(0, hit.start - 40) : hit.start].rstrip(" ")[-1:] or "."
    stop = hit.stop
    while stop < len(text) and text[stop].isalpha() and stop - hit.stop < 12:
        stop += 1
    after = text[stop : stop + 2].lstrip(" ")[:1]
    return before in _BEFORE_ADDRESS or after in _AFTER_ADDRESS


def _matches(text: str, sentences: Sequence[_Sentence], in_data: bool) -> Iterator[tuple[int, int, Combination, float]]:
    """Return for each sentence, or pair of neighbours, its surest combination."""
    for at, sentence in enumerate(sentences):
        best = _surest(sentence.masks, in_data)
        start, stop, hits = sentence.start, sentence.stop, sentence.hits
        following = sentences[at + 1] if at + 1 < len(sentences) else None
        if following is not None and following.stop - start <= REACH_CHARS:
            both = _joined(sentence.masks, following.masks)
            wider = _surest(both, in_data, reaching_on=True)
            if wider is not None and (best is None or wider.confidence(in_data) > best.confidence(in_data)):
                best, stop, hits = wider, following.stop, [*hits, *following.hits]
        if best is None:
            continue
        narrow = _narrowed(text, start, stop, hits, best, in_data)
        if following is not None and narrow[1] == stop == sentence.stop and in_data:
            narrow = narrow[0], _carried_on(text, narrow, sentence, following, best)
        yield (*_trimmed(text, *narrow), best, best.confidence(in_data))


def _narrowed(
    text: str, start: int, stop: int, hits: Sequence[Hit], best: Combination, in_data: bool
) -> tuple[int, int]:
    """Return the cell of a form that holds the combination by itself, or all of `text[start:stop]`."""
    inside = cells(text, start, stop)
    if len(inside) < 2 and inside == [(start, stop)]:
        return start, stop
    for begin, end in inside:
        own = [hit for hit in hits if begin <= hit.start and hit.stop <= end]
        held = _surest(_masks(text, own), in_data, reaching_on=best.reaches_on and len(inside) > 1) if own else None
        if held is not None and held.confidence(in_data) >= best.confidence(in_data):
            quoted = begin > start and text[begin - 1] in "\"'`" and text[begin - 1] == text[end - 1]
            return begin, end - quoted
    return start, stop


def _carried_on(text: str, span: tuple[int, int], sentence: _Sentence, following: _Sentence, best: Combination) -> int:
    """Return where an order ends that the sentence after it spells out: the end of that, or its own."""
    if best.hazard not in _CARRIED_OUT_NEXT or following.stop - span[0] > REACH_CHARS:
        return span[1]
    orders = [hit for hit in following.hits if any(mask & _ORDER for _, mask in hit.entry.roles)]
    if not orders or not _is_near(text, span[1], following.start):
        return span[1]
    opening = any(
        hit.start - following.start <= _OPENING_CHARS and not text[hit.stop : hit.stop + 1].isalpha() for hit in orders
    )
    if opening or not _orders(sentence):
        first = cells(text, following.start, following.stop)[:1]
        return first[0][1] if first else span[1]
    return span[1]


def _is_near(text: str, start: int, stop: int) -> bool:
    """Whether nothing but blanks lies in between: the next line of a form, or its next cell, is another matter."""
    return not text[start:stop].strip() and "\n" not in text[start - 1 : stop]


def _joined(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    return {language: first.get(language, 0) | second.get(language, 0) for language in first.keys() | second.keys()}


def _orders(sentence: _Sentence) -> bool:
    return any(mask & _ORDER for mask in sentence.masks.values())


def _is_about_attacks(sentences: Sequence[_Sentence]) -> bool:
    """Whether a prompt talks about attacks: explains, classifies, prevents, translates them."""
    return any(mask & _QUOTE for sentence in sentences for mask in sentence.masks.values())


def _is_quoted(text: str, start: int, stop: int) -> bool:
    """Whether `text[start:stop]` stands in quotation marks, or holds most of a quotation."""
    before, inside = text[:start], text[start:stop]
    opened = sum(before.count(mark) for mark in "«„“‚「『") - sum(before.count(mark) for mark in "»”」』")
    return opened > 0 or before.count('"') % 2 == 1 or any(mark in inside for mark in '"«„“「『`')


def _trimmed(text: str, start: int, stop: int) -> tuple[int, int]:
    while start < stop and text[start].isspace():
        start += 1
    while stop > start and (text[stop - 1].isspace() or text[stop - 1] in '",}]:') and not _keeps_end(text, stop):
        stop -= 1
    return start, stop


def _keeps_end(text: str, stop: int) -> bool:
    return text[stop - 1] == '"' and stop >= 2 and text[stop - 2] in ".!?"


def _span(layer: Layer, start: int, stop: int) -> Span:
    if layer.offsets is None:
        return Span(start + layer.base, stop + layer.base)
    return Span(layer.offsets[start], layer.offsets[stop])
