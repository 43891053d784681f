"""Where a model server is: a base URL taken apart and checked once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from leeward.errors import SettingsError

_REMEDY = "Write it like http://127.0.0.1:8000 or https://models.example.org/v1."
_TARGET = re.compile(rb"/[\x21-\x7e]*")


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host, port and path prefix of a model server.

    Args:
        host: Name or address without brackets.
        authority: What the `host` header says, with brackets for IPv6 and without a default port.
        prefix: Path before every request path; empty or starting with a slash, never ending in one.
    """

    is_tls: bool
    host: str
    port: int
    authority: bytes
    prefix: bytes

    @classmethod
    def parse(cls, base_url: str) -> Origin:
        """Return the origin that `base_url` names.

        Raises:
            SettingsError: If it is not an http or https URL, or holds a user name, a query or a fragment.
        """
        # A user name, password or query may be a secret; messages show the rest.
        shown = base_url.rpartition("@")[2].partition("?")[0]
        try:
            parts = urlsplit(base_url)
            port = parts.port
        except ValueError as error:
            raise SettingsError(f"upstream URL {shown!r} cannot be read: {error}", remedy=_REMEDY) from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError(f"upstream URL {shown!r} is not an http or https URL", remedy=_REMEDY)
        if parts.username is not None or parts.password is not None:
            raise SettingsError(
                f"the upstream URL for {parts.hostname} holds a user name or password",
                remedy="Leave it out and name the key's file or environment variable instead.",
            )
        prefix = parts.path.rstrip("/").encode("utf-8")
        if parts.query or parts.fragment or not _TARGET.fullmatch(prefix or b"/"):
            raise SettingsError(f"upstream URL {shown!r} must end with its path", remedy=_REMEDY)
        is_tls = parts.scheme == "https"
        default = 443 if is_tls else 80
        try:
            authority = _authority(parts.hostname, port, default)
        except UnicodeError as error:
            raise SettingsError(f"upstream host {parts.hostname!r} is not a host name", remedy=_REMEDY) from error
        return cls(is_tls, parts.hostname, port or default, authority, prefix)

    def target(self, path: str) -> bytes:
        """Return the request target for `path`; a `/v1` that the base URL already ends in is not doubled.

        Raises:
            ValueError: If `path` does not start with a slash or holds a space or control character.
        """
        raw = path.encode("utf-8")
        if not _TARGET.fullmatch(raw):
            raise ValueError("a request path starts with a slash and holds no space or control character")
        if self.prefix.endswith(b"/v1") and raw.startswith(b"/v1/"):
            return self.prefix + raw[3:]
        return self.prefix + raw


def _authority(host: str, port: int | None, default: int) -> bytes:
    name = b"[%s]" % host.encode("ascii") if ":" in host else host.encode("idna")
    return name if port in (None, default) else b"%s:%d" % (name, port)
