import pytest

from leeward.gateway.upstream.retry_after import retry_after_seconds

NOON = b"Tue, 24 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([], None),
        ([(b"retry-after", b"3")], 3.0),
        ([(b"retry-after", b" 1.5 ")], 1.5),
        ([(b"retry-after-ms", b"250"), (b"retry-after", b"9")], 0.25),
        ([(b"retry-after-ms", b"soon"), (b"retry-after", b"9")], 9.0),
        ([(b"retry-after", b"Tue, 24 Nov 2026 12:00:07 GMT"), (b"date", NOON)], 7.0),
        ([(b"retry-after", b"Tue, 24 Nov 2026 11:00:00 GMT"), (b"date", NOON)], 0.0),
        ([(b"retry-after", b"Tue, 24 Nov 2026 12:00:07 GMT")], None),
        ([(b"retry-after", b"Tue, 24 Nov 2026 12:00:07"), (b"date", NOON)], None),
        ([(b"retry-after", b"tomorrow"), (b"date", NOON)], None),
        ([(b"retry-after", b"-1")], None),
        ([(b"retry-after", b"1e9")], None),
        ([(b"retry-after", b"9" * 400)], None),
        ([(b"retry-after", b"\xff")], None),
        ([(b"retry-after", b"")], None),
    ],
)
def test_a_wait_is_read_or_left_unknown(headers: list[tuple[bytes, bytes]], seconds: float | None) -> None:
    assert retry_after_seconds(headers) == seconds
