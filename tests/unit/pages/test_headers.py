"""Headers of pages."""

from __future__ import annotations

import pytest

from asgi_call import call
from leeward.pages.headers import CONTENT_SECURITY_POLICY, PageHeaders, Receive, Scope, Send


async def _hello(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-own", b"1")]})
    await send({"type": "http.response.body", "body": b"hello"})


async def test_every_response_carries_the_policy_beside_its_own_headers():
    answer = await call(PageHeaders(_hello, static="/a/static/"), "/a")

    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["x-own"] == "1"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(("path", "kept"), [("/a", "no-store"), ("/a/static/x.css", "no-cache")])
async def test_only_static_files_may_be_kept(path, kept):
    answer = await call(PageHeaders(_hello, static="/a/static/"), path)

    assert answer.headers["cache-control"] == kept


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere():
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'")
