"""Where the key of a model server comes from; a key is never shown, logged or kept in a settings tree."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from leeward.errors import SettingsError

_SENDABLE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class NoKey:
    """The server asks for none; the caller's own key does not leave the house."""

    def authorization(self, callers: bytes | None) -> bytes | None:  # noqa: ARG002
        """Return None."""
        return None


@dataclass(frozen=True, slots=True)
class PassThrough:
    """The caller's own `authorization` header goes on to the server."""

    def authorization(self, callers: bytes | None) -> bytes | None:
        """Return what the caller sent."""
        return callers


@dataclass(frozen=True, slots=True)
class KeyFromEnvironment:
    """The key is in an environment variable."""

    variable: str

    def authorization(self, callers: bytes | None) -> bytes | None:  # noqa: ARG002
        """Return the header value.

        Raises:
            SettingsError: If the variable is missing, empty or cannot be sent.
        """
        return _bearer(os.environ.get(self.variable, ""), f"environment variable {self.variable}")


@dataclass(slots=True)
class KeyFromFile:
    """The key is in a file; a changed file is read again at the next request, so keys can be rotated."""

    path: Path
    _stamp: tuple[int, int, int] | None = field(default=None, init=False, repr=False)
    _value: bytes = field(default=b"", init=False, repr=False)

    def authorization(self, callers: bytes | None) -> bytes | None:  # noqa: ARG002
        """Return the header value.

        Raises:
            SettingsError: If the file cannot be read, is empty or cannot be sent.
        """
        try:
            seen = self.path.stat()
            stamp = (seen.st_mtime_ns, seen.st_ino, seen.st_size)
            if stamp != self._stamp:
                self._value = _bearer(self.path.read_text("utf-8"), f"file {self.path}")
                self._stamp = stamp
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"the model server's key cannot be read from {self.path} ({error.__class__.__name__})",
                remedy="Check that the file exists, is text and that the gateway may read it.",
            ) from None
        return self._value


Key: TypeAlias = NoKey | PassThrough | KeyFromEnvironment | KeyFromFile


def _bearer(text: str, where: str) -> bytes:
    text = text.strip()
    if not _SENDABLE.fullmatch(text):
        raise SettingsError(
            f"the model server's key in {where} is {'empty' if not text else 'not one line of ASCII without spaces'}",
            remedy="Put the bare key there, without `Bearer`.",
        )
    return b"Bearer " + text.encode("ascii")
