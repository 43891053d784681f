from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from leeward.domain.record import Evidence
from leeward.errors import StorageError
from leeward.storage.evidence import Keyring, Retention, rotate

OLD, NEW = bytes(range(32)), bytes(range(1, 33))
EVIDENCE = Evidence(id="01K", kept_until=9.0, content=b"text", rule="RULE-MIST-001")


def test_every_seal_has_a_nonce_of_its_own() -> None:
    keyring = Keyring((OLD,))

    one, other = keyring.seal(EVIDENCE), keyring.seal(EVIDENCE)

    assert one.nonce != other.nonce
    assert one.ciphertext != other.ciphertext


def test_a_new_key_encrypts_and_the_old_one_still_reads() -> None:
    sealed_before = Keyring((OLD,)).seal(EVIDENCE)
    keyring = Keyring((OLD, NEW))

    sealed_after = keyring.seal(EVIDENCE)

    assert sealed_before.key_id != sealed_after.key_id
    assert keyring.unseal(sealed_before) == keyring.unseal(sealed_after) == EVIDENCE


def test_a_missing_key_is_named() -> None:
    sealed = Keyring((NEW,)).seal(EVIDENCE)

    with pytest.raises(StorageError, match=sealed.key_id):
        Keyring((OLD,)).unseal(sealed)


@pytest.mark.parametrize("changes", [{"ciphertext": b"\0" * 20}, {"id": "01L"}])
def test_tampered_or_moved_evidence_is_noticed(changes: dict[str, str]) -> None:
    keyring = Keyring((OLD,))
    sealed = keyring.seal(EVIDENCE)

    with pytest.raises(StorageError, match="was changed"):
        keyring.unseal(replace(sealed, **changes))


def test_a_key_file_is_made_on_first_use_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "evidence.key"

    sealed = Keyring.load(path).seal(EVIDENCE)

    assert path.stat().st_mode & 0o777 == 0o600
    assert Keyring.load(path).unseal(sealed) == EVIDENCE
    assert [child.name for child in path.parent.iterdir()] == ["evidence.key"]


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evidence.key"
    Keyring.load(path)
    path.chmod(0o640)

    with pytest.raises(StorageError, match="Others may read"):
        Keyring.load(path)


def test_a_rotated_key_encrypts_from_then_on(tmp_path: Path) -> None:
    path = tmp_path / "evidence.key"
    before = Keyring.load(path).seal(EVIDENCE)

    added = rotate(path)
    keyring = Keyring.load(path)

    assert keyring.seal(EVIDENCE).key_id == added
    assert keyring.unseal(before) == EVIDENCE
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    environment = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

    keyring = Keyring.load(tmp_path / "none.key", environment)

    assert keyring.unseal(Keyring((OLD,)).seal(EVIDENCE)) == EVIDENCE
    assert not (tmp_path / "none.key").exists()


@pytest.mark.parametrize("text", ["", "not base64!", "AAEC"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(StorageError, match="32 bytes"):
        Keyring.parse(text)


def test_retention_is_by_rule_with_a_default() -> None:
    retention = Retention(days=30, by_rule={"RULE-MIST-001": 7})

    assert retention.until("RULE-MIST-001", 100.0) == 100.0 + 7 * 86_400
    assert retention.until("RULE-MIST-009", 100.0) == 100.0 + 30 * 86_400
