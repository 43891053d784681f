"""Tells who is calling."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal

from leeward.domain.caller import Caller
from leeward.domain.ports import KeyStore
from leeward.errors import WireError

_ANYONE = Caller()


class Doorkeeper:
    """Knows callers by their virtual key.

    Args:
        keys: Virtual keys by the hash of their secret.
        mode: `required` asks every caller, `open` none, `auto` asks once a key exists.
        pseudonym_key: Secret with which ids of end users are hashed; they are never kept as sent.
        uses: What each tenant declares for licences.
    """

    def __init__(
        self,
        keys: KeyStore,
        *,
        mode: Literal["auto", "required", "open"],
        pseudonym_key: bytes,
        uses: Mapping[str, Mapping[str, str | int | bool]],
    ) -> None:
        self._keys = keys
        self._mode = mode
        self._pseudonym_key = pseudonym_key
        self._uses = uses

    def caller_of(self, authorization: bytes | None) -> Caller:
        """Return who sends an Authorization header.

        Raises:
            WireError: 401 when a key is asked for and none that is known was sent.
        """
        secret = _bearer(authorization)
        if secret is not None and secret.startswith(b"lw_"):
            caller = self._keys.caller_of(hashlib.sha256(secret).digest())
            if caller is None:
                raise _unauthorized("This API key is unknown or was revoked.")
            return self._with_use(caller)
        if self._mode == "open" or (self._mode == "auto" and self._keys.is_empty()):
            return self._with_use(_ANYONE)
        raise _unauthorized("Send a Leeward API key: `Authorization: Bearer lw_…`.")

    def with_end_user(self, caller: Caller, end_user: str) -> Caller:
        """Return `caller` with the pseudonym of the end user that the tenant names."""
        if not end_user:
            return caller
        told = f"{caller.tenant}\0{end_user}".encode("utf-8", "surrogatepass")
        return replace(caller, end_user=hmac.new(self._pseudonym_key, told, hashlib.sha256).hexdigest()[:24])

    def _with_use(self, caller: Caller) -> Caller:
        use = self._uses.get(caller.tenant)
        return replace(caller, use={**use, **caller.use}) if use else caller


def header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """Return the first header called `name` (lower case), or None."""
    for key, value in headers:
        if key == name:
            return value
    return None


def _bearer(authorization: bytes | None) -> bytes | None:
    if authorization is None or authorization[:7].lower() != b"bearer ":
        return None
    return authorization[7:].strip()


def _unauthorized(message: str) -> WireError:
    return WireError(message, status=401, code="invalid_api_key")
