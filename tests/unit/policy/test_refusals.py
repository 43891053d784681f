"""Every way in which a ruleset is refused, with the words that its author reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from known_detectors import KNOWN, PROTOCOL
from leeward.policy.checks import CHECKS
from leeward.policy.draft import Draft
from leeward.policy.loader import BUILTIN, load_all, load_builtin
from leeward.policy.problems import Refused
from leeward.policy.reading import Reader, Source

FOLDER = Path(__file__).parent / "refused"
FILES = sorted(FOLDER.glob("*.toml"))


def words_of(file: Path) -> str:
    refused = load_all([PROTOCOL, Source(name="acme.toml", text=file.read_text("utf-8"))], known=KNOWN)
    assert isinstance(refused, Refused)
    return "".join(f"{problem}\n" for problem in refused.problems)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_author_reads_every_problem_at_once(file: Path) -> None:
    assert words_of(file) == file.with_suffix(".txt").read_text("utf-8")


def test_every_check_refuses_something() -> None:
    silent = {check.__module__ for check in CHECKS}
    for file in FILES:
        draft = draft_of(file)
        silent -= {check.__module__ for check in CHECKS if any(check(draft, KNOWN))}

    assert silent == set()


def draft_of(file: Path) -> Draft:
    reader = Reader(Source(name="acme.toml", text=file.read_text("utf-8")))
    raw = reader.tables()
    named = reader.draft(raw).extends
    return reader.draft(raw, tuple(load_builtin(name, known=KNOWN) for name in named if name in BUILTIN))


def test_the_built_in_rulesets_pass_every_check() -> None:
    loaded = load_all([], known=KNOWN, builtin=BUILTIN)

    assert isinstance(loaded, dict)
    assert list(loaded) == list(BUILTIN)


def test_text_that_is_not_toml_is_refused_with_its_line() -> None:
    refused = load_all([Source(name="acme.toml", text='name = "acme"\nversion = \n')], known=KNOWN)

    assert isinstance(refused, Refused)
    assert str(refused.problems[0]).startswith("acme.toml: not TOML: ")
    assert "line 2" in str(refused.problems[0])


def test_the_error_says_what_it_means_and_what_to_do() -> None:
    refused = load_all(
        [Source(name="acme.toml", text='name = "a"\nversion = "1"\nextends = "mistral-v1"')], known=KNOWN
    )

    assert isinstance(refused, Refused)
    assert refused.error().diagnostics() == (
        "acme.toml: version: '1' is not usable; write e.g. version = \"1.0.0\"\n"
        "The ruleset is not used: 1 problem.\n"
        "Correct the file and try `leeward ruleset check FILE`."
    )
