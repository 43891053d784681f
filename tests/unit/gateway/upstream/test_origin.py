import pytest

from leeward.errors import SettingsError
from leeward.gateway.upstream.origin import Origin


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://h", Origin(False, "h", 80, b"h", b"")),
        ("http://h:80/", Origin(False, "h", 80, b"h", b"")),
        ("https://h:8443/a/b/", Origin(True, "h", 8443, b"h:8443", b"/a/b")),
        ("HTTPS://H/v1", Origin(True, "h", 443, b"h", b"/v1")),
        ("http://[::1]:9/v1", Origin(False, "::1", 9, b"[::1]:9", b"/v1")),
        ("http://bücher.example", Origin(False, "bücher.example", 80, b"xn--bcher-kva.example", b"")),
    ],
)
def test_a_base_url_is_taken_apart(url: str, origin: Origin) -> None:
    assert Origin.parse(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8000",
        "ftp://h",
        "http://",
        "http://h:99999",
        "http://[::1",
        "http://h/?key=1",
        "http://h/#x",
        "http://h/a b",
        "http://h/\x01",
        "ftp://user:secret@h/v1",
        "http://user:secret@h:99999/v1",
        "http://h/?key=secret",
        "http://" + "x" * 70 + ".example",
        "https://user:secret@h/v1",
    ],
)
def test_what_is_no_base_url_is_refused_without_showing_a_password(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Origin.parse(url)

    assert "secret" not in caught.value.diagnostics()
    assert caught.value.remedy
