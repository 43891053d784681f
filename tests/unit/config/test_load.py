from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest

from leeward.config.load import load_settings
from leeward.config.tree import Settings
from leeward.errors import SettingsError


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "leeward.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_without_a_file_the_defaults_hold() -> None:
    assert load_settings(None, {}) == Settings()


def test_the_file_that_init_writes_can_be_loaded(tmp_path: Path) -> None:
    text = files("leeward.config").joinpath("leeward.example.toml").read_text("utf-8")

    assert isinstance(load_settings(written(tmp_path, text), {}), Settings)


def test_a_file_sets_what_it_names_and_leaves_the_rest(tmp_path: Path) -> None:
    upstream = '[[upstream]]\nname = "a"\nurl = "http://x/v1"\nrename = { b = "c" }\n'
    text = f'keys = "required"\n[server]\nport = 9000\n{upstream}'
    settings = load_settings(written(tmp_path, text), {})

    assert (settings.server.port, settings.server.host, settings.keys) == (9000, "127.0.0.1", "required")
    assert [(u.name, u.rename) for u in settings.upstream] == [("a", {"b": "c"})]


def test_the_environment_wins_over_the_file_and_its_strings_become_numbers(tmp_path: Path) -> None:
    environment = {
        "LEEWARD_SERVER__PORT": "9001",
        "LEEWARD_EVIDENCE__KEEP": "false",
        "LEEWARD_EVIDENCE__RETENTION_DAYS": "0.5",
        "LEEWARD_DESK_TOKEN": "is no setting",
        "OTHER__PORT": "1",
    }
    settings = load_settings(written(tmp_path, "[server]\nport = 9000\nworkers = 2\n"), environment)

    assert (settings.server.port, settings.server.workers) == (9001, 2)
    assert (settings.evidence.keep, settings.evidence.retention_days) == (False, 0.5)


def test_a_misspelt_key_is_refused_with_the_nearest(tmp_path: Path) -> None:
    path = written(tmp_path, "[server]\nprot = 9000\n")
    with pytest.raises(SettingsError, match=r"prot.*did you mean `port`\?") as refused:
        load_settings(path, {})

    assert str(path) in refused.value.message
    assert "does not start" in refused.value.meaning
    assert "leeward init" in refused.value.remedy


@pytest.mark.parametrize("text", ["zzzzqqqq = 1\n", "[zzzzqqqq]\n"])
def test_a_key_like_no_other_is_refused_without_a_guess(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match="zzzzqqqq") as refused:
        load_settings(written(tmp_path, text), {})

    assert "did you mean" not in refused.value.message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[server]\nport = "many"\n', "Expected `int`"),
        ('keys = "sometimes"\n', "Invalid enum value 'sometimes'"),
        ('[[upstream]]\nname = "a"\n', "missing required field `url`"),
        ("server = 5\n", "Expected `object`"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        load_settings(written(tmp_path, text), {})


@pytest.mark.parametrize("content", ["[server", b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: str | bytes) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(written(tmp_path, content), {})


def test_a_file_that_is_not_there_is_refused_with_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not exist") as refused:
        load_settings(tmp_path / "none.toml", {})

    assert "leeward init" in refused.value.remedy


def test_a_variable_that_names_something_inside_a_value_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, 'keys = "open"\n')
    with pytest.raises(SettingsError, match="LEEWARD_KEYS__MODE names a value inside 'keys', which is no table"):
        load_settings(path, {"LEEWARD_KEYS__MODE": "x"})


def test_an_unknown_variable_is_refused_as_a_key_of_the_file_is() -> None:
    with pytest.raises(SettingsError, match=r"the environment: .*prot.*did you mean `port`"):
        load_settings(None, {"LEEWARD_SERVER__PROT": "1"})


def test_the_gateway_is_told_what_concerns_it(tmp_path: Path) -> None:
    text = (
        '[server]\npublic_url = "https://g.example/"\n[store]\non_failure = "serve"\n'
        '[telemetry]\ntraces = true\n[answers]\nrefusal = "error"\n'
    )
    gateway = load_settings(written(tmp_path, text), {}).gateway()

    assert (gateway.public_url, gateway.store_failure, gateway.traces) == ("https://g.example", "serve", True)
    assert gateway.answers.refusal == "error"


def test_a_notice_that_gives_less_than_no_time_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "leeward.toml"
    path.write_text("[licences]\nnotice_days = -1.0\n")

    with pytest.raises(SettingsError, match="between 0 and 3650"):
        load_settings(path, {})


def test_a_known_job_ends_with_its_last_day(tmp_path: Path) -> None:
    text = '[[known_job]]\ntenant = "acme"\nkey = "k1"\nuntil = 2027-01-31\nreason = "agreed"\n'
    jobs = load_settings(written(tmp_path, text), {}).known_jobs()
    last_moment = datetime(2027, 2, 1, tzinfo=UTC).timestamp() - 1.0

    assert jobs.find("acme", "k1", last_moment) is not None
    assert jobs.find("acme", "k1", last_moment + 1.0) is None
    assert jobs.find("acme", "k2", last_moment) is None


@pytest.mark.parametrize(
    ("line", "told"),
    [('reason = ""', "names its `tenant` and a `reason`"), ("", "missing required field `reason`")],
)
def test_a_known_job_needs_a_reason(tmp_path: Path, line: str, told: str) -> None:
    text = f'[[known_job]]\ntenant = "acme"\nuntil = 2027-01-31\n{line}\n'

    with pytest.raises(SettingsError, match=told):
        load_settings(written(tmp_path, text), {})
