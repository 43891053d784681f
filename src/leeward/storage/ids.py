"""The time inside an id."""

from __future__ import annotations

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TIME_CHARS = 10
_LAST_MILLISECOND = (1 << 48) - 1


def floor_id(seconds: float) -> str:
    """Return the least ULID of the millisecond that holds `seconds` since the epoch.

    Ids sort by time, so `id >= floor_id(t)` means "made at `t` or later" and needs no index beside the primary key.

    Source:
        The ULID specification: 48 bits of milliseconds, Crockford base 32.
    """
    milliseconds = min(max(int(seconds * 1000), 0), _LAST_MILLISECOND)
    chars = ""
    for _ in range(_TIME_CHARS):
        milliseconds, digit = divmod(milliseconds, 32)
        chars = _ALPHABET[digit] + chars
    return chars + "0" * 16
