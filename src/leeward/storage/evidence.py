"""Text of an exchange, encrypted and kept for a time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from leeward.domain.record import Evidence
from leeward.errors import StorageError
from leeward.storage.rows import Row

# What this rule stops is never kept, not even encrypted; only its digest is.
SEALED_RULE = "RULE-MIST-005"
DAY_SECONDS = 86_400.0
_KEY_BYTES = 32
_NONCE_BYTES = 12  # NIST SP 800-38D, section 8.2.2: random, 96 bits

RandomBytes = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Retention:
    """How long text is kept.

    Attributes:
        days: For every rule without an entry of its own.
        by_rule: Days by rule id.
    """

    days: float = 30.0
    by_rule: Mapping[str, float] = field(default_factory=dict)

    def until(self, rule: str, at: float) -> float:
        """Return when evidence that is kept because of `rule` from `at` on is to be erased."""
        return at + self.by_rule.get(rule, self.days) * DAY_SECONDS


@dataclass(frozen=True, slots=True)
class Sealed:
    """Evidence as it lies in the store.

    Attributes:
        digest: SHA-256 of the content, hex, when the content itself must not be kept; else empty.
    """

    id: str
    rule: str
    kept_until: float
    key_id: str
    nonce: bytes | None
    ciphertext: bytes | None
    digest: str

    @property
    def row(self) -> Row:
        """The row of table `evidence`."""
        return (self.id, self.rule, self.kept_until, self.key_id, self.nonce, self.ciphertext, self.digest, None)


class Keyring:
    """Keys of AES-256-GCM: the last one encrypts, all of them decrypt.

    Args:
        keys: 32 bytes each, oldest first.
        random_bytes: Source of nonces; must be fit for cryptography.
    """

    def __init__(self, keys: tuple[bytes, ...], *, random_bytes: RandomBytes = os.urandom) -> None:
        if not keys or any(len(key) != _KEY_BYTES for key in keys):
            raise StorageError(
                "The evidence keys cannot be used: each must be 32 bytes, written in base64, one a line.",
                remedy="Restore the key file from a backup; evidence cannot be read without it.",
            )
        self._ciphers = {key_id(key): AESGCM(key) for key in keys}
        self._current = key_id(keys[-1])
        self._random_bytes = random_bytes

    @classmethod
    def parse(cls, text: str) -> Keyring:
        """Return the keys in `text`: base64, separated by white space, oldest first.

        Raises:
            StorageError: If one of them is not 32 bytes of base64.
        """
        return cls(tuple(_decoded(word) for word in text.split()))

    @classmethod
    def load(cls, path: Path, environment: str = "") -> Keyring:
        """Return the keys of the environment when it names any, else those of the file, which is made on first use.

        Args:
            path: The key file; readable by its owner only.
            environment: Value of LEEWARD_EVIDENCE_KEY, in the form of the file.

        Raises:
            StorageError: If the file cannot be used, or others may read it.
        """
        if environment.strip():
            return cls.parse(environment)
        try:
            if not path.exists():
                _make_key_file(path)
            if path.stat().st_mode & 0o077:
                raise StorageError(
                    f"Others may read the evidence key {path}.", remedy=f"Run: chmod 600 {path}, or rotate the key."
                )
            return cls.parse(path.read_text("ascii"))
        except (OSError, UnicodeDecodeError) as error:
            raise StorageError(
                f"The evidence key {path} cannot be read or made: {error}.",
                remedy="Name a file that the process may write, or set LEEWARD_EVIDENCE_KEY.",
            ) from error

    def seal(self, evidence: Evidence, *, digest_only: bool = False) -> Sealed:
        """Return the evidence encrypted; its digest alone when `digest_only` or when the rule forbids keeping it."""
        if digest_only or evidence.rule == SEALED_RULE:
            digest = hashlib.sha256(evidence.content).hexdigest()
            return Sealed(evidence.id, evidence.rule, evidence.kept_until, "", None, None, digest)
        nonce = self._random_bytes(_NONCE_BYTES)
        ciphertext = self._ciphers[self._current].encrypt(nonce, evidence.content, evidence.id.encode())
        return Sealed(evidence.id, evidence.rule, evidence.kept_until, self._current, nonce, ciphertext, "")

    def unseal(self, sealed: Sealed) -> Evidence | None:
        """Return the evidence; None when only its digest was kept or when it was erased.

        Raises:
            StorageError: If its key is not there, or if it was tampered with.
        """
        if sealed.ciphertext is None or sealed.nonce is None:
            return None
        cipher = self._ciphers.get(sealed.key_id)
        if cipher is None:
            raise StorageError(
                f"The key {sealed.key_id} of this evidence is not in the key file.",
                remedy="Put the old key back in front of the newer ones.",
            )
        try:
            content = cipher.decrypt(sealed.nonce, sealed.ciphertext, sealed.id.encode())
        except InvalidTag as error:
            raise StorageError(
                f"The evidence of record {sealed.id} was changed after it was written.",
                meaning="It proves nothing any more.",
                remedy="Find out who can write to the database.",
            ) from error
        return Evidence(id=sealed.id, kept_until=sealed.kept_until, content=content, rule=sealed.rule)


def key_id(key: bytes) -> str:
    """Return the name of a key: the start of its digest."""
    return hashlib.sha256(b"leeward evidence key\0" + key).hexdigest()[:16]


def rotate(path: Path, *, random_bytes: RandomBytes = os.urandom) -> str:
    """Add a key to the file and return its name; processes started from now on encrypt with it."""
    key = random_bytes(_KEY_BYTES)
    old = path.read_text("ascii")
    _replace(path, old.rstrip("\n") + "\n" + _line(key))
    return key_id(key)


def _decoded(word: str) -> bytes:
    try:
        return base64.b64decode(word, validate=True)
    except binascii.Error:
        return b""


def _line(key: bytes) -> str:
    return base64.b64encode(key).decode() + "\n"


def _make_key_file(path: Path) -> None:
    """Make the file whole or not at all; of several workers that start at once, one makes it and all read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft(path, _line(os.urandom(_KEY_BYTES)))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _replace(path: Path, content: str) -> None:
    _draft(path, content).replace(path)


def _draft(path: Path, content: str) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    file = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(file, "w", encoding="ascii") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    return draft
