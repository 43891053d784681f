"""The desk's ASGI application."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, cast
from urllib.parse import parse_qs

from leeward.desk.access import COOKIE, SESSION_SECONDS, Access, Door
from leeward.desk.ports import NOTHING_REGISTERED, Derivatives, Records
from leeward.desk.views.access import CLOSED, ELSEWHERE, NO_ENTRY, NOT_FOUND, STORE_SILENT, AskToken, Refused
from leeward.desk.views.derivatives import DerivativeList, DerivativePage, derivative_list, derivative_page, wanted_by
from leeward.desk.views.records import Filter, LiveRecordList, RecordList, RecordPage, record_list, record_page
from leeward.domain.ports import Clock
from leeward.errors import StorageError
from leeward.pages.headers import App, PageHeaders, Receive, Scope, Send

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

Shown: TypeAlias = RecordList | LiveRecordList | RecordPage | DerivativeList | DerivativePage | AskToken | Refused

_LONGEST_FORM_BYTES = 4_096


class Desk:
    """Serves `/desk/…`; nothing is imported or read before the first request.

    Args:
        records: What was decided.
        clock: For the last hour and the end of sessions.
        access: Who may look.
        rule_names: Names of the rules in use, by id.
        derivatives: The registry of derivatives.
    """

    def __init__(
        self,
        records: Records,
        *,
        clock: Clock,
        access: Access,
        rule_names: Mapping[str, str],
        derivatives: Derivatives = NOTHING_REGISTERED,
    ) -> None:
        self._records = records
        self._derivatives = derivatives
        self._clock = clock
        self._access = access
        self._rule_names = rule_names
        self._app: App | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self._app is None:
            self._app = self._build()
        await self._app(scope, receive, send)

    def _build(self) -> App:
        from starlette.applications import Starlette
        from starlette.routing import Mount, Route
        from starlette.staticfiles import StaticFiles

        from leeward.pages.templates import Templates

        self._templates = Templates("leeward.desk")
        static = StaticFiles(packages=[("leeward.pages", "static"), ("leeward.desk", "static")])
        routes = [
            Route("/desk", self.list),
            Route("/desk/live", self.live),
            Route("/desk/decisions/{id}", self.decision),
            Route("/desk/licences", self.licences),
            Route("/desk/licences/{id}", self.licence),
            Route("/desk/sign-in", self.sign_in, methods=["POST"]),
            Route("/desk/sign-out", self.sign_out, methods=["POST"]),
            Mount("/desk/static", static),
            Route("/desk/{rest:path}", self.nowhere),
        ]
        return PageHeaders(cast(App, Starlette(routes=routes)), static="/desk/static/")

    async def list(self, request: Request) -> Response:
        """Show the newest decisions."""
        return await self._guarded(request, partial(self._listed, request))

    async def live(self, request: Request) -> Response:
        """Give the part of the list that renews itself."""
        return await self._guarded(request, lambda: LiveRecordList(self._listed(request)))

    async def decision(self, request: Request) -> Response:
        """Show one decision."""
        record_id = str(request.path_params["id"])[:64]
        return await self._guarded(
            request, lambda: record_page(self._records, record_id, can_leave=self._can_leave) or NOT_FOUND
        )

    async def licences(self, request: Request) -> Response:
        """Show the registry of derivatives."""
        wanted = wanted_by(request.query_params)
        return await self._guarded(
            request,
            lambda: derivative_list(self._derivatives, wanted, now=self._clock.now(), can_leave=self._can_leave),
        )

    async def licence(self, request: Request) -> Response:
        """Show one derivative."""
        entry_id = str(request.path_params["id"])[:64]
        return await self._guarded(
            request,
            lambda: (
                derivative_page(self._derivatives, entry_id, now=self._clock.now(), can_leave=self._can_leave)
                or NO_ENTRY
            ),
        )

    async def nowhere(self, request: Request) -> Response:
        """Say that there is no such page."""
        return await self._guarded(request, lambda: NOT_FOUND)

    async def sign_in(self, request: Request) -> Response:
        """Open a session for who knows the token."""
        from starlette.responses import RedirectResponse

        if self._access.door is not Door.TOKEN:
            return RedirectResponse("/desk", 303)
        if not self._access.is_token(await _field(request, "token")):
            return self._show(AskToken(was_wrong=True))
        response = RedirectResponse("/desk", 303)
        response.set_cookie(
            COOKIE,
            self._access.session(self._clock.now()),
            max_age=SESSION_SECONDS,
            path="/desk",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    async def sign_out(self, _: Request) -> Response:
        """End the session in this browser."""
        from starlette.responses import RedirectResponse

        response = RedirectResponse("/desk", 303)
        response.delete_cookie(COOKIE, path="/desk")
        return response

    def _listed(self, request: Request) -> RecordList:
        wanted = Filter.parse(request.query_params)
        return record_list(self._records, wanted, self._rule_names, now=self._clock.now(), can_leave=self._can_leave)

    @property
    def _can_leave(self) -> bool:
        return self._access.door is Door.TOKEN

    async def _guarded(self, request: Request, view: Callable[[], Shown]) -> Response:
        from starlette.concurrency import run_in_threadpool

        if not self._access.admits(request.scope, self._clock.now()):
            return self._show(self._not_admitted())
        try:
            # The store blocks while it reads; exchanges must not wait for it.
            return self._show(await run_in_threadpool(view))
        except StorageError:
            return self._show(STORE_SILENT)

    def _not_admitted(self) -> Shown:
        match self._access.door:
            case Door.TOKEN:
                return AskToken()
            case Door.THIS_MACHINE:
                return ELSEWHERE
            case _:
                return CLOSED

    def _show(self, page: Shown) -> Response:
        from starlette.responses import HTMLResponse

        return HTMLResponse(self._templates.render(page), page.status)


async def _field(request: Request, name: str) -> str:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _LONGEST_FORM_BYTES:
            return ""
    values = parse_qs(body.decode("latin-1"), max_num_fields=8).get(name)
    return values[0] if values else ""
