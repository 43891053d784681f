"""`leeward licence scan --record`, `registry` and `notices` on real databases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from leeward.cli.licence import app
from leeward.errors import LeewardError
from model_folders import LARGE, MRL_NOTICE, MRL_TEXT, model

HEAD = f"license: other\nlicense_name: mrl\nbase_model: {LARGE}"
CARD = "A fine-tune for our help desk; changed in November."


@pytest.fixture
def config(tmp_path: Path, database_url: str) -> str:
    path = tmp_path / "leeward.toml"
    path.write_text(f'[store]\nurl = "{database_url}"\n[licences]\nnotice_days = 14.0\n')
    return str(path)


class Command:
    """Types commands."""

    def __init__(self, config: str, capsys: pytest.CaptureFixture[str]) -> None:
        self._config = config
        self._capsys = capsys
        self.status = 0

    def __call__(self, *words: str) -> str:
        self.status = int(app([*words, "--config", self._config], result_action="return_value") or 0)
        return self._capsys.readouterr().out

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--json"))


@pytest.fixture
def type_(config: str, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(config, capsys)


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """A derivative that lacks its notice."""
    return model(tmp_path / "models", "ours-13b", HEAD, CARD, LICENSE=MRL_TEXT)


def test_a_notice_goes_from_scan_to_restriction_to_remedy(type_: Command, ours: Path) -> None:
    scanned = type_("scan", str(ours), "--record", "--by", "ada")
    text = type_("notices", "ours-13b")
    type_("registry", "extend", "ours-13b", "--days", "0", "--why", "no answer", "--by", "bob")
    swept = type_("notices", "--due")
    (restricted,) = type_.json("registry", "list", "--state", "restricted")
    (ours / "NOTICE").write_text(MRL_NOTICE)
    type_("scan", str(ours), "--record", "--by", "ada")
    shown = type_.json("registry", "show", restricted["id"])

    assert "Recorded: 1 derivative, 1 new." in scanned
    assert "notice-missing" in scanned
    assert f'"{MRL_NOTICE}"' in text
    assert f"leeward licence scan {ours} --record" in text
    assert "ours-13b: restricted, the deadline was" in swept
    assert (shown["entry"]["state"], shown["entry"]["problems"]) == ("clear", [])
    assert [(event["who"], event["step"]) for event in shown["history"]] == [
        ("scan by ada", "recorded"),
        ("scan by ada", "noticed"),
        ("bob", "extended"),
        ("deadline", "restricted"),
        ("scan by ada", "changed"),
        ("scan by ada", "remedied"),
    ]


def test_a_notice_gives_the_time_that_the_settings_say(type_: Command, ours: Path) -> None:
    (entry,) = type_.json("scan", str(ours), "--record")["recorded"]

    assert type_.status == 1
    assert round(entry["due_at"] - entry["first_seen"]) == 14 * 86_400


def test_a_scan_that_is_not_recorded_leaves_no_trace(
    type_: Command, ours: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app(["scan", str(ours), "--json"], result_action="return_value")
    told = json.loads(capsys.readouterr().out)

    assert "recorded" not in told
    assert type_.json("registry", "list") == []
    assert "leeward licence scan PATH --record" in type_("registry", "list")


def test_a_notice_is_printed_in_french(type_: Command, ours: Path) -> None:
    type_("scan", str(ours), "--record")

    assert type_("notices", "ours-13b", "--language", "fr").startswith("Avis concernant le modèle ours-13b\n")
    assert type_.json("notices", "ours-13b", "--language", "fr")["text"].startswith("Avis")


def test_notices_that_stand_are_listed_and_none_is_due_yet(type_: Command, ours: Path) -> None:
    assert type_("notices") == "No notices.\n"
    type_("scan", str(ours), "--record")

    assert "ours-13b: to be put right by" in type_("notices")
    assert type_("notices", "--due") == "No notice is due.\n"


def test_a_person_lifts_closes_and_reopens_with_a_reason(type_: Command, ours: Path) -> None:
    type_("scan", str(ours), "--record")
    said = [
        type_("registry", "lift", "ours-13b", "--why", "agreed with the licensor"),
        type_("registry", "reopen", "ours-13b", "--why", "the agreement ran out"),
        type_("registry", "close", "ours-13b", "--why", "deleted"),
    ]

    assert ["is lifted." in said[0], "is noticed until" in said[1], "is closed." in said[2]] == [True] * 3
    assert type_.json("registry", "list") == []
    assert [entry["state"] for entry in type_.json("registry", "list", "--all")] == ["closed"]


def test_a_declaration_takes_the_strictest_licence_of_its_bases_known_ones_and_registered_ones(
    type_: Command, ours: Path
) -> None:
    type_("scan", str(ours), "--record")
    type_("registry", "declare", "acme/blend", "--base", "ours-13b", "--base", "mistralai/Mistral-7B-v0.3",
          "--kind", "merge", "--served-as", "support", "--by", "ada")  # fmt: skip
    shown = type_.json("registry", "show", "acme/blend")
    told = type_("registry", "show", "acme/blend")

    assert (shown["entry"]["licence"], shown["entry"]["served_as"]) == ("MRL-0.1", ["support"])
    assert [link["parent"] for link in shown["lineage"]] == ["ours-13b", "mistralai/Mistral-7B-v0.3"]
    assert "not seen by any scan" in told
    assert "merge of mistralai/Mistral-7B-v0.3 [declaration]" in told


def test_lists_are_filtered_and_told_to_people(type_: Command, ours: Path) -> None:
    type_("scan", str(ours), "--record")
    type_("registry", "declare", "other", "--base", "ours-13b", "--kind", "adapter")
    listed = type_("registry", "list")

    assert "ours-13b: noticed, deadline" in listed
    assert f"fine-tune of {LARGE}, under MRL-0.1: missing-notice" in listed
    assert [e["name"] for e in type_.json("registry", "list", "--kind", "adapter")] == ["other"]
    assert [e["name"] for e in type_.json("registry", "list", "--fault", "missing-notice")] == ["ours-13b"]
    assert [e["name"] for e in type_.json("registry", "list", "--text", "OTHER")] == ["other"]


def test_a_derivative_of_a_derivative_is_judged_by_the_origin_that_the_registry_knows(
    type_: Command, ours: Path
) -> None:
    blend = model(ours.parent, "blend", "license: mit\nbase_model: ours-13b", CARD)
    type_("scan", str(ours.parent), "--record")
    alone = type_.json("scan", str(blend), "--record")

    assert {finding["code"] for finding in alone["findings"]} >= {"licence-conflict", "notice-missing"}
    assert [entry["state"] for entry in alone["recorded"]] == ["noticed"]


def test_a_name_means_just_that_model_and_not_its_packaged_sister(type_: Command, ours: Path) -> None:
    model(ours.parent, "ours-13b-GGUF", HEAD, CARD, LICENSE=MRL_TEXT)
    type_("scan", str(ours.parent), "--record")

    assert type_.json("registry", "show", "ours-13b")["entry"]["name"] == "ours-13b"


def test_the_same_path_on_another_machine_is_another_entry(type_: Command, ours: Path) -> None:
    for where in ("nas-1", "nas-2", "nas-1"):
        type_("scan", str(ours), "--record", "--where", where)

    assert sorted(entry["where"] for entry in type_.json("registry", "list")) == ["nas-1", "nas-2"]


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (("registry", "show", "nobody"), "leeward licence registry list --all"),
        (("registry", "lift", "ours-13b", "--why", " "), "--why"),
        (("registry", "reopen", "ours-13b", "--why", "x"), "leeward licence registry show"),
        (("registry", "extend", "ours-13b", "--why", "x", "--days", "-1"), "from 0 to 3650"),
        (("registry", "declare", "m", "--base", "b", "--licence", "EULA"), "leeward licence list"),
        (("notices", "ours-13b", "--due"), "Leave the entry or --due out"),
    ],
)
def test_what_cannot_be_done_says_what_to_do(type_: Command, ours: Path, words: tuple[str, ...], remedy: str) -> None:
    type_("scan", str(ours), "--record")

    with pytest.raises(LeewardError) as caught:
        type_(*words)

    assert remedy in caught.value.diagnostics()


def test_options_of_the_registry_without_recording_are_refused(type_: Command, ours: Path) -> None:
    with pytest.raises(LeewardError, match="for the registry"):
        type_("scan", str(ours))
