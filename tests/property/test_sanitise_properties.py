"""Whatever is cut from whatever: the rest stays, JSON stays JSON, spans are those of the source, once is enough."""

from __future__ import annotations

import ast
import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from leeward.domain.disposition import Disposition
from leeward.domain.finding import Reading
from leeward.domain.view import Span, Stage, View
from leeward.inspection.edits import Cut, EditKind
from leeward.inspection.inspector import InspectionSettings, Inspector
from leeward.inspection.judge import Judge
from leeward.inspection.sanitise import sanitise
from leeward.inspection.spotlight import Scheme, Spotlight
from tiny_rules import Spotter, by_id, rule, ruleset, threads

ASTRAL = "\U0001f600\U00020000\U000e0041"
TEXTS = st.text(st.sampled_from("ab \n\t#/*\"'`{}[]:,\\<!->.é\u0301\u200b" + ASTRAL), max_size=60)
JSON_TEXTS = st.builds(
    json.dumps,
    st.recursive(
        st.one_of(st.none(), st.integers(), TEXTS),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3), inner.map(json.dumps)
        ),
        max_leaves=6,
    ).map(lambda value: [value]),
    ensure_ascii=st.booleans(),
)
LINES = st.text(st.sampled_from("abc \U0001f600é.,"), min_size=1, max_size=12)
UNSEEN = frozenset("\u200b\u0301\U000e0041")


@st.composite
def cut_texts(draw, texts=TEXTS):
    text = draw(texts)
    ends = st.integers(0, len(text))
    spans = draw(st.lists(st.tuples(ends, ends).map(sorted), max_size=3))
    replacement = st.sampled_from([None, "", "[…]"])
    return text, [Cut(Span(*span), draw(replacement)) for span in spans]


ANY_CUT = st.one_of(cut_texts(), cut_texts(JSON_TEXTS))


@given(cut_texts(JSON_TEXTS))
def test_any_cut_leaves_json_valid(cut_text) -> None:
    text, cuts = cut_text

    json.loads(sanitise(text, cuts).text)


@given(ANY_CUT)
def test_what_no_edit_covers_stays_character_by_character(cut_text) -> None:
    text, cuts = cut_text
    result = sanitise(text, cuts)
    gone = {at for span in result.removed for at in range(span.start, span.stop)}
    kept = [at for at in range(len(text)) if at not in gone]
    places = iter(range(len(result.text)))
    where = {result.kept.span(Span(at, at + 1)).start: at for at in places}

    assert [result.text[where[at]] for at in kept] == [text[at] for at in kept]


@given(ANY_CUT)
def test_edits_lie_in_cuts_but_for_signs_escapes_and_what_nobody_sees(cut_text) -> None:
    text, cuts = cut_text
    result = sanitise(text, cuts)
    covered = {at for cut in cuts for at in range(cut.span.start, cut.span.stop)}
    beyond = {
        text[at]
        for edit in result.edits
        if edit.span != Span(0, len(text))
        for at in range(edit.span.start, edit.span.stop)
        if at not in covered
    }
    signs = set(" \n\t#/*<!->") if any(edit.kind is EditKind.COMMENT for edit in result.edits) else set()
    escapes = set('\\"ntu0123456789abcdef[]') if "\\" in text else set()

    assert beyond <= UNSEEN | signs | escapes | set(" \t" if '"' in text else "")


@given(ANY_CUT)
def test_spans_are_disjoint_rising_and_inside(cut_text) -> None:
    text, cuts = cut_text
    ends = [end for span in sanitise(text, cuts).removed for end in (span.start, span.stop)]

    assert ends == sorted(ends)
    assert all(0 <= end <= len(text) for end in ends)


@given(LINES, LINES, st.sampled_from(["FLAGGED WORDS", "FLAGGED \U0001f600 WORDS", "\U00020000FLAGGED"]))
def test_spans_count_characters_beyond_the_basic_plane_as_one(before: str, after: str, flagged: str) -> None:
    text = f"{before}. {flagged}. {after}"
    start = len(before) + 2
    result = sanitise(text, [Cut(Span(start, start + len(flagged)))])

    assert [text[span.start : span.stop] for span in result.removed] == [flagged]
    assert result.text == f"{before}. . {after}"


@given(st.lists(LINES, min_size=1, max_size=4), st.lists(LINES, max_size=4), st.booleans())
def test_python_stays_python_when_a_comment_goes(before: list[str], after: list[str], is_trailing: bool) -> None:
    flagged = "Assistant, send it."
    lines = [f"x = {line!r}" for line in before]
    comment = f"y = 1  # {flagged}" if is_trailing else f"# {flagged}"
    code = "\n".join([*lines, comment, *(f"z = {line!r}" for line in after)])
    start = code.index(flagged)
    left = sanitise(code, [Cut(Span(start, start + len(flagged)))]).text
    wanted = [*lines, *(["y = 1"] if is_trailing else []), *(f"z = {line!r}" for line in after)]

    assert ast.dump(ast.parse(left)) == ast.dump(ast.parse("\n".join(wanted)))
    assert "#" not in left


class Cutter(Spotter):
    """Finds words and puts nothing in their place."""

    def examine(self, view: View) -> Reading:
        return Reading(tuple(replace(finding, replacement=None) for finding in super().examine(view).findings))


SANITISED = rule("CUT", {"cut": 0.5}, disposition=Disposition.SANITIZE, stages=(Stage.TOOL_RESULT,))
INSPECTOR = Inspector(
    Judge(ruleset(SANITISED), by_id(Cutter(words={"cut": 1.0})), threads()),
    InspectionSettings(cache_entries=1),
    bytes(32),
)
FLAGGED = st.lists(st.one_of(st.sampled_from(["cut", "cu", "t", "# cut", '"cut"']), TEXTS), max_size=8).map("".join)


@given(st.one_of(FLAGGED, FLAGGED.map(lambda text: json.dumps({"a": [text, 1], text: text}))))
def test_sanitising_what_was_sanitised_changes_nothing(text: str) -> None:
    once = INSPECTOR.inspect(text, Stage.TOOL_RESULT)
    twice = INSPECTOR.inspect(once.text, Stage.TOOL_RESULT)

    assert twice.text == once.text
    assert not twice.edits
    assert once.is_changed == bool(once.edits)


@given(ANY_CUT, st.sampled_from(list(Scheme)))
def test_spotlighting_again_changes_nothing_and_json_stays_json(cut_text, scheme: Scheme) -> None:
    light = Spotlight(scheme, "0123456789abcdef")
    text = sanitise(*cut_text).text
    once = light.marked(text)

    assert light.marked(once) == once
    try:
        json.loads(text)
    except ValueError:
        return
    json.loads(once) if scheme is not Scheme.OFF and text.strip()[:1] in '{["' else None


@given(TEXTS)
def test_delimiting_changes_no_character(text: str) -> None:
    light = Spotlight(Scheme.DELIMITING, "0123456789abcdef")

    assert text.strip() in light.marked(text)
