"""When a server asks to be asked again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from email.utils import parsedate_to_datetime

_SECOND = timedelta(seconds=1)


def retry_after_seconds(headers: Sequence[tuple[bytes, bytes]]) -> float | None:
    """Return how long a reply asks to wait, in seconds >= 0; None when it does not say or cannot be read.

    A date is measured against the reply's own `date`, so that clocks need not agree.

    Args:
        headers: Lower-case names.

    Source:
        RFC 9110, section 10.2.3; `retry-after-ms` is honoured by the OpenAI and Mistral clients.
    """
    found = dict(headers)
    exact = _number(found.get(b"retry-after-ms"))
    if exact is not None:
        return exact / 1000.0
    value = found.get(b"retry-after")
    seconds = _number(value)
    if seconds is not None or value is None:
        return seconds
    return _until(value, found.get(b"date"))


def _number(value: bytes | None) -> float | None:
    # At most ten characters, so that the result is finite.
    if value is None or not value.strip().replace(b".", b"", 1).isdigit() or len(value) > 10:
        return None
    return float(value)


def _until(then: bytes, now: bytes | None) -> float | None:
    if now is None:
        return None
    try:
        wait = parsedate_to_datetime(then.decode("ascii")) - parsedate_to_datetime(now.decode("ascii"))
    except (ValueError, TypeError):
        return None
    return max(0.0, wait / _SECOND)
