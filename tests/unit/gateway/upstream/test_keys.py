from pathlib import Path

import pytest

from leeward.errors import SettingsError
from leeward.gateway.upstream.keys import KeyFromEnvironment, KeyFromFile, NoKey, PassThrough

CALLERS = b"Bearer lw-callers-own"


def test_without_a_key_the_callers_own_stays_here() -> None:
    assert NoKey().authorization(CALLERS) is None


def test_pass_through_sends_the_callers_own() -> None:
    assert PassThrough().authorization(CALLERS) == CALLERS
    assert PassThrough().authorization(None) is None


def test_a_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRIPTED_KEY", " sk-one\n")

    assert KeyFromEnvironment("SCRIPTED_KEY").authorization(CALLERS) == b"Bearer sk-one"


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCRIPTED_KEY", raising=False)

    with pytest.raises(SettingsError, match="SCRIPTED_KEY is empty"):
        KeyFromEnvironment("SCRIPTED_KEY").authorization(None)


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("sk-one\n")
    key = KeyFromFile(path)
    first = key.authorization(CALLERS)
    fresh = tmp_path / "fresh"
    fresh.write_text("sk-two\n")
    fresh.rename(path)

    assert (first, key.authorization(CALLERS)) == (b"Bearer sk-one", b"Bearer sk-two")


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"two\nlines", b"\xff\xfe", "schlüssel".encode()])
def test_a_file_that_holds_no_key_is_an_operator_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)

    with pytest.raises(SettingsError, match=str(path)):
        KeyFromFile(path).authorization(None)


def test_a_missing_file_is_an_operator_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="FileNotFoundError"):
        KeyFromFile(tmp_path / "none").authorization(None)


def test_no_key_is_ever_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key"
    path.write_text("sk-canary canary")
    monkeypatch.setenv("SCRIPTED_KEY", "sk-canary x")
    texts = []
    for key in (KeyFromFile(path), KeyFromEnvironment("SCRIPTED_KEY")):
        with pytest.raises(SettingsError) as caught:
            key.authorization(None)
        texts += [caught.value.diagnostics(), repr(key)]
    path.write_text("sk-canary")
    good = KeyFromFile(path)

    assert good.authorization(None) == b"Bearer sk-canary"
    assert "canary" not in "".join([*texts, repr(good)])
