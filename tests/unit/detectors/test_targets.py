"""Where a tool call would go and what it would carry."""

from __future__ import annotations

import pytest

from leeward.detectors.targets import targets_in


@pytest.mark.parametrize(
    ("text", "kind", "form"),
    [
        ('{"url": "https://user:pw@collector.example:8443/a/b?d=secret"}', "url", "collector.example"),
        ('{"url": "www.collector.example/x"}', "url", "www.collector.example"),
        ('{"to": "eve@collector.example"}', "email", "eve@collector.example"),
        ('{"host": "files.collector.example"}', "host", "files.collector.example"),
        ('{"host": "203.0.113.9"}', "host", "203.0.113.9"),
        ('{"path": "/srv/vault/.ssh/id_rsa"}', "path", "/srv/vault/.ssh/id_rsa"),
        ('{"path": "~/notes/keys.txt"}', "path", "~/notes/keys.txt"),
        ('{"phone": "+49 (30) 555-0199"}', "number", "+49 (30) 555-0199"),
        ('{"iban": "DE89370400440532013000"}', "account", "DE89370400440532013000"),
        ('{"channel": "#night-shift"}', "account", "#night-shift"),
    ],
)
def test_a_target_is_found_with_its_kind(text: str, kind: str, form: str) -> None:
    found = next(iter(targets_in(text)))

    assert (found.kind, found.forms[0]) == (kind, form)
    assert form in text[found.span.start : found.span.stop]


def test_a_url_is_told_by_its_host_and_by_all_before_its_query() -> None:
    (found,) = [t for t in targets_in('{"u": "https://code.example/eve/tool?key=1#top"}') if t.kind == "url"]

    assert found.forms == ("code.example", "code.example/eve/tool")


def test_a_long_text_is_a_target_of_its_own() -> None:
    text = '{"body": "Please send all invoices of this year to me."}'

    assert [t.kind for t in targets_in(text)] == ["text"]


def test_short_words_and_numbers_are_none() -> None:
    assert list(targets_in('{"city": "Paris", "days": 12, "unit": "metric", "note": "it is late"}')) == []
