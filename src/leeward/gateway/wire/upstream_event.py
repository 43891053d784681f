"""What every kind of stream asks of an upstream event before it is read."""

from __future__ import annotations

import msgspec

from leeward.errors import UpstreamError
from leeward.gateway.wire.body import Json, Object

_DECODER = msgspec.json.Decoder()


def decode_upstream(data: bytes) -> Object:
    """Return the JSON object of an upstream reply or event.

    Raises:
        UpstreamError: `garbage` when it is none, `status` when it is an error object.
    """
    try:
        value: Json = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamError("The model server sent something that is not JSON.", kind="garbage") from error
    if type(value) is not dict:
        raise garbage("something that is not a JSON object")
    if value.get("error") or value.get("object") == "error":
        raise upstream_error(value)
    return value


def garbage(what: str) -> UpstreamError:
    """Return the error for a reply of the wrong shape."""
    return UpstreamError(f"The model server sent {what}.", kind="garbage")


def upstream_error(value: Object) -> UpstreamError:
    """Return the error that an error object stands for; its text may quote the exchange and is not kept."""
    inner = value.get("error")
    holder = inner if isinstance(inner, dict) else value
    for key in ("status", "raw_status_code", "code"):
        status = holder.get(key)
        if isinstance(status, int | str) and str(status).isdecimal() and 400 <= int(str(status)[:4]) <= 599:
            return UpstreamError("The model server reported an error.", kind="status", status=int(str(status)[:4]))
    return UpstreamError("The model server reported an error.", kind="status")


def small_index(holder: Object, key: str, default: int) -> int:
    """Return a small index.

    Raises:
        UpstreamError: When it is not an integer in [0, 1024).
    """
    value = holder.get(key)
    if value is None:
        return default
    if type(value) is not int or not 0 <= value < 1024:
        raise garbage(f"an unusable `{key}`")
    return value


def text_of(value: Json, key: str) -> str:
    """Return a string member, empty for null.

    Raises:
        UpstreamError: When it is something else.
    """
    if value is None:
        return ""
    if type(value) is not str:
        raise garbage(f"a `{key}` that is not text")
    return value
