"""Hostile bytes to JSON builtins, in linear time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from leeward.errors import WireError

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
Object: TypeAlias = dict[str, Json]

_DECODER = msgspec.json.Decoder()
_ENCODER = msgspec.json.Encoder()
# Possessive, and an unfinished string matches to the end: the scan never looks at a byte twice.
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_NOT_STRUCTURE = bytes(c for c in range(256) if c not in b"[]{}:,")
_NOT_BRACKETS = b":,"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a request may cost before anything looks at its meaning.

    Attributes:
        body_bytes: Length of the raw body; 413 above it.
        depth: Nested arrays and objects.
        values: Members and elements of the whole document; 413 above it.
        messages: Messages or items of one conversation, and tools; 413 above it.
    """

    body_bytes: int = 20 * 1024 * 1024
    depth: int = 64
    values: int = 500_000
    messages: int = 16_384


DEFAULT_LIMITS = Limits()


def decode_object(raw: bytes, limits: Limits = DEFAULT_LIMITS) -> Object:
    """Return the JSON object that `raw` holds.

    Raises:
        WireError: 413 when it is too large; 400 when it is not one well-formed JSON object in UTF-8, nests too
            deeply, holds a number that does not fit, or names a key of an object twice (two readers could
            then see two different requests).
    """
    members = _measure(raw, limits)
    value = _decode(raw)
    if type(value) is not dict:
        raise WireError("The request body must be a JSON object.", code="invalid_json")
    if _count_members(value) != members:
        raise WireError("The request body names a key of an object twice.", code="duplicate_key")
    return value


def encode(value: Json) -> bytes:
    """Return `value` as compact JSON."""
    return _ENCODER.encode(value)


def encode_text(value: Json) -> str:
    """Return `value` as compact JSON text."""
    return _ENCODER.encode(value).decode()


def _measure(raw: bytes, limits: Limits) -> int:
    """Check size and depth of `raw`; return how many members its objects have."""
    if len(raw) > limits.body_bytes:
        raise WireError(f"The request body exceeds {limits.body_bytes} bytes.", status=413, code="body_too_large")
    structure = _STRINGS.sub(b"", raw).translate(None, _NOT_STRUCTURE)
    members = structure.count(b":")
    if structure.count(b",") + structure.count(b"{") + structure.count(b"[") > limits.values:
        raise WireError(f"The request body holds more than {limits.values} values.", status=413, code="too_many_values")
    _check_depth(structure.translate(None, _NOT_BRACKETS), limits.depth)
    return members


def _check_depth(brackets: bytes, depth: int) -> None:
    # Each round removes at least the innermost level, so `depth` rounds leave nothing of a legal document.
    for _ in range(depth):
        if not brackets:
            return
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
    if brackets:
        raise WireError(f"The request body is malformed or nests deeper than {depth} levels.", code="too_deep")


def _decode(raw: bytes) -> Json:
    try:
        value: Json = _DECODER.decode(raw)
    except UnicodeDecodeError as error:
        raise WireError("The request body is not UTF-8.", code="invalid_utf8") from error
    except msgspec.ValidationError as error:
        raise WireError("The request body holds a number that is out of range.", code="invalid_number") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise WireError(f"The request body is not valid JSON: {error}", code="invalid_json") from error
    return value


def _count_members(root: Object) -> int:
    total = 0
    stack: list[Json] = [root]
    push = stack.extend
    for value in stack:
        kind = type(value)
        if kind is dict:
            total += len(value)  # type: ignore[arg-type]
            push(value.values())  # type: ignore[union-attr]
        elif kind is list:
            push(value)  # type: ignore[arg-type]
    return total


def wrong(param: str, expected: str) -> WireError:
    """Return the error for a value of the wrong type."""
    return WireError(f"`{param}` must be {expected}.", status=422, code="invalid_type", param=param)


def missing(param: str) -> WireError:
    """Return the error for a required value that is not there."""
    return WireError(f"`{param}` is required.", status=422, code="missing", param=param)


def string(holder: Object, key: str, *, default: str = "") -> str:
    """Return a string member; `default` when it is absent or null."""
    value = holder.get(key)
    if value is None:
        return default
    if type(value) is not str:
        raise wrong(key, "a string")
    return value


def boolean(holder: Object, key: str) -> bool:
    """Return a boolean member; False when it is absent or null."""
    value = holder.get(key)
    if value is None:
        return False
    if type(value) is not bool:
        raise wrong(key, "true or false")
    return value


def integer(holder: Object, key: str, *, least: int = 0, most: int = 2**31) -> int | None:
    """Return an integer member in [least, most]; None when it is absent or null."""
    value = holder.get(key)
    if value is None:
        return None
    if type(value) is not int or not least <= value <= most:
        raise wrong(key, f"an integer from {least} to {most}")
    return value


def number(holder: Object, key: str) -> float | None:
    """Return a numeric member; None when it is absent or null."""
    value = holder.get(key)
    if value is None:
        return None
    if (type(value) is not int and type(value) is not float) or not -1e9 <= value <= 1e9:
        raise wrong(key, "a number")
    return float(value)


def has_text(value: Json) -> bool:
    """Whether any string longer than nothing stands in `value`, as a key or as a value."""
    stack: list[Json] = [value]
    for each in stack:
        if isinstance(each, str | dict):
            if each:
                return True
        elif isinstance(each, list):
            stack.extend(each)
    return False


def only(keys: Iterable[str], known: frozenset[str]) -> tuple[str, ...]:
    """Return the keys outside `known`, sorted."""
    return tuple(sorted(k for k in keys if k not in known))
