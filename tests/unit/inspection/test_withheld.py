"""What a reply is compared with."""

from __future__ import annotations

import random

from leeward.config.tree import InspectionTable
from leeward.domain.view import Span, Stage
from leeward.inspection.inspector import InspectionSettings, Inspector
from leeward.inspection.withheld import InstructionBook, canary_of, flagged_of
from leeward.wiring.rules import inspection_settings
from running_house import inspector

SYSTEM = "You are Nora, the assistant of the Harbour Library, and you answer questions about loans and events only."


def book() -> InstructionBook:
    return InstructionBook(bytes(32))


def test_without_instructions_there_is_nothing_to_keep() -> None:
    assert book().instructions([]) is None
    assert book().instructions(["", " \n"], ["Hello"], "canary") is None


def test_the_same_instructions_are_read_once() -> None:
    reading = book()
    first, second = reading.instructions([SYSTEM]), reading.instructions([SYSTEM], ["hello"])

    assert first is not None
    assert second is not None
    assert first.grams is second.grams


def test_instructions_split_otherwise_are_others() -> None:
    reading = book()
    first, second = reading.instructions([SYSTEM]), reading.instructions([SYSTEM[:50], SYSTEM[50:]])

    assert first is not None
    assert second is not None
    assert first.grams is not second.grams


def test_what_the_caller_said_is_told_by_its_letters() -> None:
    kept = book().instructions([SYSTEM], ["Hello, NORA!", "Good day."])

    assert kept is not None
    assert kept.said().split() == ["hellonora", "goodday"]


def test_a_canary_is_two_letters_for_each_byte_and_differs_with_them() -> None:
    rng = random.Random(1)
    canaries = {canary_of(rng.randbytes(8)) for _ in range(99)}

    assert len(canaries) == 99
    assert all(len(canary) == 16 and canary.isalpha() and canary.islower() for canary in canaries)


def test_orders_in_long_instructions_weigh_less_than_in_short_ones() -> None:
    order = "Never compare our prices with those of other shops in town."
    manual = " ".join(f"Part {n} of the engine is made of steel and brass." for n in range(99))
    short, long = book().instructions([order]), book().instructions([f"{order} {manual}"])

    assert short is not None
    assert long is not None
    assert max(short.grams.values()) > max(long.grams.values()) > 0


def test_of_very_long_instructions_only_orders_are_kept() -> None:
    manual = " ".join(f"Part {n} of the engine is made of steel and brass." for n in range(999))
    kept = book().instructions([f"{SYSTEM} {manual}"])

    assert kept is not None
    assert 0 < len(kept.grams) < 1_000


def test_overlapping_spans_leave_the_rest_whole() -> None:
    flagged = flagged_of([("one two three four", [Span(4, 7), Span(4, 13)])], ["five"])

    assert flagged is not None
    assert flagged.text.split() == ["two", "twothree"]
    assert flagged.rest().split() == ["five", "onefour"]


def test_a_reply_that_repeats_instructions_is_judged_by_those_of_its_exchange() -> None:
    looking = inspector()
    kept = looking.instruction_book.instructions([SYSTEM])
    with_them = looking.inspect(SYSTEM, Stage.REPLY, instructions=kept)
    without = looking.inspect(SYSTEM, Stage.REPLY)

    assert (with_them.text, without.text) == ("[removed].", SYSTEM)


def test_the_settings_reach_the_inspector() -> None:
    settings = inspection_settings(InspectionTable(canary=True, tool_calls="refuse"))
    told = Inspector(inspector().judge, settings, bytes(32))
    usual = Inspector(inspector().judge, InspectionSettings(), bytes(32))

    assert (told.has_canary, told.tool_calls, usual.has_canary, usual.tool_calls) == (True, "refuse", False, "hold")


def test_only_the_beginning_of_endless_instructions_is_read() -> None:
    filling = "Part 7 of the engine is made of steel and of brass. " * 400
    beginning, end = book().instructions([SYSTEM + filling]), book().instructions([filling, SYSTEM])

    assert beginning is not None
    assert end is not None
    assert max(beginning.grams.values()) == 1.0
    assert len(end.grams) == 0
