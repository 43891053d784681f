"""The desk's application."""

from __future__ import annotations

import re

import pytest
from desk_records import NOW, StillClock, closed, empty_store, firing, opened

from asgi_call import Answer, call
from leeward.desk.access import COOKIE, Access
from leeward.desk.app import Desk
from leeward.domain.disposition import Disposition
from leeward.domain.ports import RecordLine
from leeward.domain.record import Outcome
from leeward.errors import StorageError
from leeward.pages.headers import CONTENT_SECURITY_POLICY
from leeward.storage.evidence import Keyring
from leeward.storage.memory import MemoryStore

TOKEN = "correct-horse-battery"
NAMES = {"RULE-MIST-001": "Harmful Content"}


async def _store(**changed: object) -> MemoryStore:
    store = empty_store()
    record = opened(1, **changed)
    await store.open_record(record)
    store.close_record(closed(record, Outcome.REFUSED_PROMPT, firing("RULE-MIST-001", Disposition.BLOCK)))
    return store


def _desk(store: MemoryStore, access: Access | None = None) -> Desk:
    return Desk(store, clock=StillClock(), access=access or Access.this_machine(), rule_names=NAMES)


async def _sign_in(desk: Desk, token: str) -> Answer:
    return await call(desk, "/desk/sign-in", method="POST", body=f"token={token}".encode())


async def test_the_list_shows_decisions_with_a_link_to_each():
    answer = await call(_desk(await _store()), "/desk")

    assert answer.status == 200
    assert f'href="/desk/decisions/{opened(1).id}"' in answer.text
    assert 'data-disposition="block"' in answer.text
    assert "<strong>1</strong> in the last hour" in answer.text
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["cache-control"] == "no-store"


async def test_the_live_part_is_what_the_page_holds():
    desk = _desk(await _store())

    page = await call(desk, "/desk")
    live = await call(desk, "/desk/live")

    assert "<html" not in live.text
    assert live.text.strip() in page.text


async def test_the_day_is_shown_where_it_is_not_today():
    today = await call(_desk(await _store()), "/desk")
    earlier = await call(_desk(await _store(at=NOW - 86_400)), "/desk")

    assert 'class="day"' not in today.text
    assert '<span class="day">2025-10-08</span> 08:53:20' in earlier.text


async def test_an_empty_desk_says_how_to_begin():
    answer = await call(_desk(empty_store()), "/desk")

    assert "No exchange has been recorded yet" in answer.text


async def test_a_filter_without_results_says_so_and_stays_chosen():
    answer = await call(_desk(await _store()), "/desk?disposition=annotate")

    assert "No decision fits this filter" in answer.text
    assert '<option value="annotate" selected>' in answer.text


async def test_a_decision_has_a_page():
    answer = await call(_desk(await _store()), f"/desk/decisions/{opened(1).id}")

    assert answer.status == 200
    assert "Name of RULE-MIST-001" in answer.text
    assert "counts as a violation" in answer.text


async def test_the_page_of_an_exchange_under_way_does_not_say_that_nothing_fired():
    store = empty_store()
    await store.open_record(opened(1))

    answer = await call(_desk(store), f"/desk/decisions/{opened(1).id}")

    assert 'id="under-way"' in answer.text
    assert "No rule fired" not in answer.text


@pytest.mark.parametrize("path", ["/desk/decisions/nothing", "/desk/no/such/page"])
async def test_what_is_not_there_is_said_with_a_page(path):
    answer = await call(_desk(empty_store()), path)

    assert answer.status == 404
    assert "There is no such page" in answer.text


async def test_names_that_callers_made_up_stay_text():
    desk = _desk(await _store(model="<script>alert(1)</script>", tenant='"><img src=x>'))

    for path in ("/desk", f"/desk/decisions/{opened(1).id}"):
        answer = await call(desk, path)
        assert "<script>alert" not in answer.text
        assert "<img" not in answer.text
        assert "&lt;script&gt;alert(1)" in answer.text


async def test_nothing_on_the_pages_is_inline():
    desk = _desk(await _store())

    for path in ("/desk", f"/desk/decisions/{opened(1).id}"):
        answer = await call(desk, path)
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", answer.text)


async def test_files_of_the_page_are_served_to_those_outside_too():
    desk = _desk(await _store(), Access.by_token(TOKEN))
    page = await call(desk, "/desk")
    paths = re.findall(r'(?:href|src)="(/desk/static/[^"]+)"', page.text)

    assert len(paths) == 3
    assert [(await call(desk, path)).status for path in paths] == [200, 200, 200]


@pytest.mark.parametrize("path", ["/desk", "/desk/live", f"/desk/decisions/{opened(1).id}", "/desk/x"])
async def test_nothing_is_shown_to_who_is_not_let_in(path):
    store = await _store()
    outside = {"client": "10.0.0.7"}

    asked = await call(_desk(store, Access.by_token(TOKEN)), path, **outside)
    refused = await call(_desk(store, Access.closed()), path, **outside)
    elsewhere = await call(_desk(store), path, **outside)

    assert (asked.status, refused.status, elsewhere.status) == (401, 403, 403)
    assert 'name="token"' in asked.text
    assert "LEEWARD_DESK_TOKEN" in refused.text
    assert "LEEWARD_DESK_TOKEN" in elsewhere.text
    for answer in (asked, refused, elsewhere):
        assert opened(1).id not in answer.text


async def test_the_token_opens_a_session_that_a_script_cannot_read():
    desk = _desk(await _store(), Access.by_token(TOKEN))

    signed = await _sign_in(desk, TOKEN)
    cookie = signed.headers["set-cookie"]
    inside = await call(desk, "/desk", headers={"cookie": cookie.partition(";")[0]}, client="10.0.0.7")

    assert (signed.status, signed.headers["location"]) == (303, "/desk")
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert TOKEN not in cookie
    assert inside.status == 200
    assert "Sign out" in inside.text


@pytest.mark.parametrize("token", ["wrong-token-of-many", "", "x" * 5_000, "%ff%fe"])
async def test_a_wrong_token_opens_nothing(token):
    answer = await _sign_in(_desk(await _store(), Access.by_token(TOKEN)), token)

    assert answer.status == 401
    assert "set-cookie" not in answer.headers
    assert "This is not the desk token" in answer.text


async def test_signing_out_takes_the_session_away():
    answer = await call(_desk(await _store(), Access.by_token(TOKEN)), "/desk/sign-out", method="POST")

    assert answer.headers["set-cookie"].startswith(f'{COOKIE}=""')
    assert answer.status == 303


class _SilentStore(MemoryStore):
    def latest(self, limit: int, before: str = "") -> tuple[RecordLine, ...]:
        raise StorageError("database is locked")


async def test_a_store_that_does_not_answer_is_said_with_a_page():
    silent = _SilentStore(clock=StillClock(), keyring=Keyring((b"k" * 32,)))

    answer = await call(_desk(silent), "/desk")

    assert answer.status == 503
    assert "The records cannot be read" in answer.text
