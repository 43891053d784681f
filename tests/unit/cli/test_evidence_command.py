"""Reading and erasing the text of a decision."""

from __future__ import annotations

from pathlib import Path

import pytest

from leeward.cli.evidence import erase, show
from leeward.domain.record import Evidence
from leeward.errors import SettingsError
from leeward.storage.engine import make_engine
from leeward.storage.evidence import Keyring
from leeward.storage.rows import Batch
from leeward.storage.schema import migrate
from leeward.storage.sink import SqlSink

ID = "01MCC5RM000000000000000001"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    url, key = f"sqlite:///{tmp_path}/records.db", tmp_path / "key"
    file = tmp_path / "leeward.toml"
    file.write_text(f'[store]\nurl = "{url}"\n[evidence]\nkey_file = "{key}"\n')
    migrate(url)
    sealed = Keyring.load(key).seal(Evidence(id=ID, kept_until=4e9, content=b'{"prompt":{}}', rule="RULE-MIST-001"))
    engine = make_engine(url)
    sink = SqlSink(engine)
    sink.commit(Batch(evidence=[sealed.row]))
    sink.close()
    engine.dispose()
    return file


def test_text_is_shown_until_it_is_erased(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show(ID, config=config)
    shown = capsys.readouterr().out
    erase(ID, config=config)

    assert shown == '{"prompt":{}}\n'
    assert "erased" in capsys.readouterr().out
    with pytest.raises(SettingsError, match="no text is kept"):
        show(ID, config=config)
