"""`leeward key` on a real database."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from leeward.cli.key import app
from leeward.domain.caller import Caller
from leeward.errors import LeewardError
from leeward.storage.engine import make_engine
from leeward.storage.keys import SqlKeys
from services_fixtures import SetClock


@pytest.fixture
def config(tmp_path: Path, database_url: str) -> str:
    path = tmp_path / "leeward.toml"
    path.write_text(f'[store]\nurl = "{database_url}"\n')
    return str(path)


def run(*arguments: str) -> None:
    app([*arguments], result_action="return_value")


def test_a_made_key_can_be_used_and_revoked(
    config: str, database_url: str, capsys: pytest.CaptureFixture[str], clock: SetClock
) -> None:
    run("create", "acme", "--label", "ci", "--use", "purpose=production", "--use", "seats=12", "--config", config)
    shown = capsys.readouterr()
    secret = shown.out.strip()
    public_id = secret.split("_")[1]
    engine = make_engine(database_url)
    caller = SqlKeys(engine, clock).caller_of(hashlib.sha256(secret.encode()).digest())

    run("revoke", public_id, "--config", config)
    run("revoke", public_id, "--config", config)
    said = capsys.readouterr().out
    gone = SqlKeys(engine, clock).caller_of(hashlib.sha256(secret.encode()).digest())
    engine.dispose()

    assert "not shown again" in shown.err
    assert caller == Caller(tenant="acme", key=public_id, use={"purpose": "production", "seats": 12})
    assert said == f"Key {public_id} is revoked.\nKey {public_id} was revoked before.\n"
    assert gone is None


def test_lists_name_keys_and_hide_secrets(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    run("create", "acme", "--json", "--config", config)
    made = json.loads(capsys.readouterr().out)

    run("list", "--json", "--config", config)
    listed = json.loads(capsys.readouterr().out)
    run("list", "--config", config)
    table = capsys.readouterr().out

    assert [(line["public_id"], line["tenant"], line["revoked_at"]) for line in listed] == [
        (made["public_id"], "acme", None)
    ]
    assert made["public_id"] in table
    assert made["secret"][-43:] not in table + json.dumps(listed)


def test_a_use_without_a_value_says_how_to_write_it(config: str) -> None:
    with pytest.raises(LeewardError, match="not of the form name=value"):
        run("create", "acme", "--use", "production", "--config", config)


def test_an_unknown_key_says_where_to_look(config: str) -> None:
    with pytest.raises(LeewardError) as caught:
        run("revoke", "nobody", "--config", config)

    assert "leeward key list" in caught.value.diagnostics()
