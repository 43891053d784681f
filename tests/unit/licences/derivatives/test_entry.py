from __future__ import annotations

from typing import get_args

from leeward.licences.derivatives.entry import FAULTS, Fault, filed
from leeward.licences.lineage.checks import Code
from made_derivatives import HIDDEN, NOTICE, facts


def test_every_finding_of_a_scan_is_a_fault_of_some_kind() -> None:
    assert set(FAULTS) == set(get_args(Code))


def test_what_is_only_unclear_brings_no_notice() -> None:
    unclear = [code for code, fault in FAULTS.items() if fault is Fault.UNCLEAR]

    assert sorted(unclear) == ["base-unknown", "licence-unknown", "unreadable"]
    assert facts("a", NOTICE).faults == (NOTICE,)


def test_a_problem_about_another_model_is_another_problem() -> None:
    assert (NOTICE.key, HIDDEN.key) == ("notice-missing", f"undeclared-derivative {HIDDEN.about}")


def test_packaging_makes_another_model_and_upper_case_does_not() -> None:
    assert filed(" Ours-7B ") == filed("ours-7b") != filed("ours-7b-GGUF")
