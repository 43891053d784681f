"""The walk of one exchange, from bytes to bytes: one staircase, no way back up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from functools import partial
from time import perf_counter

from leeward.domain.caller import Caller
from leeward.domain.record import Opened, Outcome
from leeward.domain.view import Stage
from leeward.errors import SettingsError, StorageError, UpstreamError, WireError
from leeward.gateway.account import Account
from leeward.gateway.asgi import JSON, ClientGone, Headers, Receive, Scope, Send, Sender, read_body
from leeward.gateway.bridge import Bridged, restore, to_upstream
from leeward.gateway.doorkeeper import header
from leeward.gateway.equipment import Equipment
from leeward.gateway.equipment import Reply as Response
from leeward.gateway.explain import decision_headers, explain
from leeward.gateway.guarding import check_guardrails
from leeward.gateway.harden import harden_reply, harden_request, is_hardened
from leeward.gateway.leaks import add_canary, instructions_of
from leeward.gateway.licensing import notices_of
from leeward.gateway.prompt import Inspected, Traffic, inspect_request
from leeward.gateway.refuse import Refusing
from leeward.gateway.streamed import StreamRelay
from leeward.gateway.telemetry import tracer
from leeward.gateway.upstream.router import Upstream, model_not_found
from leeward.gateway.whole import Voice, inspect_whole
from leeward.gateway.wire.body import Object, encode
from leeward.gateway.wire.errors import error_body, error_words
from leeward.gateway.wire.guardrails import passed_results
from leeward.gateway.wire.reply import Reply
from leeward.gateway.wire.request import Request, parse
from leeward.inspection.inspector import Inspector

log = logging.getLogger("leeward.gateway")

_UPSTREAM_PATHS = {
    "chat.completions": "/v1/chat/completions",
    "completions": "/v1/completions",
    "fim.completions": "/v1/fim/completions",
    "agents.completions": "/v1/agents/completions",
    "embeddings": "/v1/embeddings",
    "responses": "/v1/responses",
}
_SENT_ON = (b"mistral-correlation-id", b"x-request-id")
# Errors of the model server that mean the same to the caller; any other becomes a 502.
_STATUS_SENT_ON = frozenset({400, 404, 413, 422, 429, 503})
_ABOUT_THE_REQUEST = frozenset({400, 413, 422})
_LONGEST_ERROR = 64 * 1024
_UPSTREAM_WORDS = {
    "refused": "The model server cannot be reached.",
    "timeout": "The model server did not answer in time.",
    "cut": "The model server broke off its reply.",
    "garbage": "The model server sent a reply that cannot be read.",
    "status": "The model server reported an error.",
}


async def serve_exchange(equipment: Equipment, endpoint: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one request of an endpoint whose text is inspected."""
    sender = Sender(send)
    headers = scope["headers"]
    limits = equipment.settings.limits
    try:
        caller = equipment.doorkeeper.caller_of(header(headers, b"authorization"))
        raw = await read_body(receive, limit=limits.body_bytes, seconds=limits.body_seconds)
    except WireError as error:
        equipment.metrics.turned_away(error.code)
        await sender.whole(error.status, [JSON], error_body(error.message, status=error.status, code=error.code))
        return
    except ClientGone:
        equipment.metrics.turned_away("client_gone")
        return
    exchange = Exchange(equipment, endpoint, scope, sender, caller)
    await exchange.run(raw, receive)


class Exchange:
    """One exchange under way; whatever happens to it, its record is closed.

    Args:
        equipment: What it needs of the house.
        endpoint: e.g. `chat.completions`.
        scope: The ASGI scope of the request.
        sender: Where the reply goes.
        caller: Who asks.
    """

    def __init__(self, equipment: Equipment, endpoint: str, scope: Scope, sender: Sender, caller: Caller) -> None:
        self._equipment = equipment
        self._endpoint = endpoint
        self._headers = scope["headers"]
        # Our own HTTP protocol tells of clients that leave; other servers do so through `receive`.
        extensions = scope.get("extensions") or {}
        self._tell_of_disconnect: Callable[[Callable[[], None] | None], None] | None = extensions.get(
            "leeward.on_disconnect"
        )
        self._sender = sender
        self._caller = caller
        self._loop = asyncio.get_running_loop()
        self._is_gone = False
        self._is_recorded = False
        self._is_hardened = False
        self._account = Account(equipment.ids.new())
        self._inspector: Inspector = equipment.inspectors.inspector_for(caller.tenant, "", endpoint)

    async def run(self, raw: bytes, receive: Receive) -> None:
        """Walk the exchange to its end."""
        self._equipment.metrics.opened()
        if not self._equipment.settings.traces:
            await self._run(raw, receive)
            return
        with tracer.start_as_current_span("leeward.exchange") as span:
            await self._run(raw, receive)
            span.set_attribute("leeward.decision_id", self._account.id)
            span.set_attribute("leeward.outcome", self._account.outcome.value)
            span.set_attribute("gen_ai.operation.name", self._endpoint)

    async def _run(self, raw: bytes, receive: Receive) -> None:
        task = asyncio.current_task()
        assert task is not None
        stop_watching = self._watch(receive, task)
        try:
            await self._walk(raw)
        except asyncio.CancelledError:
            if not self._is_gone:
                raise
            task.uncancel()
            self._account.outcome = Outcome.DISCONNECTED
        except WireError as error:
            await self._rejected(error)
        except UpstreamError as error:
            await self._upstream_failed(error)
        except StorageError as error:
            await self._store_failed(error)
        except Exception as error:  # noqa: BLE001 - the outermost error page: no exchange ends unrecorded
            await self._crashed(error)
        finally:
            stop_watching()
            self._close()

    def _watch(self, receive: Receive, task: asyncio.Task[None]) -> Callable[[], object]:
        """Cancel the exchange when its client leaves; return what ends the watch."""

        def leave() -> None:
            self._is_gone = True
            task.cancel()

        if self._tell_of_disconnect is None:
            return self._loop.create_task(_until_gone(receive, leave)).cancel
        self._tell_of_disconnect(leave)
        return partial(self._tell_of_disconnect, None)

    # The staircase ----------------------------------------------------------------------------------------------

    async def _walk(self, raw: bytes) -> None:
        request = await self._read(raw)
        try:
            upstream, upstream_model = self._route(request)
        except WireError:
            await self._open(request)
            raise
        began = perf_counter()
        traffic = Traffic(self._equipment.clock.now(), upstream_model, upstream.dialect == "mistral")
        try:
            opaque, light = self._equipment.settings.opaque, self._inspector.spotlight.lit(self._equipment.salts)
            instructions, canary = instructions_of(request, self._inspector, self._equipment.salts)
            inspected = await inspect_request(request, self._caller, self._inspector, traffic, opaque, light)
            inspected.instructions, inspected.canary = instructions, canary
        except WireError:
            await self._open(request)
            raise
        inspected.notices = notices_of(self._equipment, self._caller, upstream_model, request.model)
        account = self._account
        account.inspection_seconds += perf_counter() - began
        account.prompt_chars = inspected.chars
        account.prompt = {part.path: part.text for part in request.parts}
        account.add(inspected.verdict)
        await self._open(request)
        refusing = Refusing(self._equipment, self._inspector, request, account, self._sender, inspected)
        if inspected.verdict.disposition.stops:
            await refusing.prompt(inspected.verdict)
            return
        guarded = await check_guardrails(request, self._equipment.inspectors.moderation)
        if guarded.is_blocked:
            await refusing.guardrail(guarded, Outcome.REFUSED_PROMPT)
            return
        self._harden(request, inspected)
        bridged = self._bridge(request, upstream, upstream_model)
        add_canary(self._endpoint, bridged.body, inspected.canary)
        inspected.changes.extend(bridged.notes)
        async with await self._ask(request, bridged, upstream) as response:
            await self._answer(request, inspected, bridged, response, refusing)

    def _harden(self, request: Request, inspected: Inspected) -> None:
        """Take from a caller who may be extracting the model what extraction feeds on."""
        if all(rule.dry_run for rule, _ in self._inspector.ruleset.plans[Stage.TRAFFIC].asked):
            return
        caller = self._caller
        step = self._equipment.suspicions.standing(caller.tenant, caller.key or caller.end_user)
        self._is_hardened = is_hardened(step, self._equipment.settings.extraction)
        if self._is_hardened:
            self._note_hardened(inspected, harden_request(request, self._equipment.settings.extraction))

    def _note_hardened(self, inspected: Inspected, changes: list[str]) -> None:
        inspected.changes.extend(changes)
        if changes:
            caller = self._caller
            self._equipment.suspicions.note_hardened(caller.tenant, caller.key or caller.end_user, changes)

    async def _read(self, raw: bytes) -> Request:
        limits = self._equipment.settings.limits
        agent = header(self._headers, b"user-agent") or b""
        try:
            request = parse(self._endpoint, raw, limits.wire(), user_agent=agent.decode("latin-1"))
        except WireError:
            await self._open(None)
            raise
        self._caller = self._equipment.doorkeeper.with_end_user(self._caller, request.end_user)
        self._inspector = self._equipment.inspectors.inspector_for(self._caller.tenant, request.model, self._endpoint)
        return request

    def _route(self, request: Request) -> tuple[Upstream, str]:
        allowed = self._equipment.tenant_models.get(self._caller.tenant)
        try:
            if allowed is not None and not allows(allowed, request.model):
                raise model_not_found(request.model)
            upstream, model = self._equipment.router.route(request.model)
        except UpstreamError as error:
            raise model_not_found(request.model) from error
        self._account.upstream = upstream.name
        return upstream, model

    async def _open(self, request: Request | None) -> None:
        """Keep the opened record; nothing leaves before that."""
        record = Opened(
            id=self._account.id,
            at=self._equipment.clock.now(),
            endpoint=self._endpoint,
            model=request.model if request else "",
            tenant=self._caller.tenant,
            key=self._caller.key,
            end_user=self._caller.end_user,
            ruleset_name=self._inspector.ruleset.name,
            ruleset=self._inspector.ruleset.digest,
            is_stream=bool(request and request.stream),
        )
        self._is_recorded = True
        try:
            await self._equipment.store.open_record(record)
        except StorageError:
            self._equipment.metrics.store_failed()
            if self._equipment.settings.store_failure == "refuse":
                raise
            log.error("record_not_opened", extra={"decision_id": record.id})

    def _bridge(self, request: Request, upstream: Upstream, model: str) -> Bridged:
        bridged = to_upstream(
            request.body,
            endpoint=self._endpoint,
            client="mistral" if request.client == "mistral" else "openai",
            dialect=upstream.dialect,
        )
        bridged.body["agent_id" if self._endpoint == "agents.completions" else "model"] = model
        return bridged

    async def _ask(self, request: Request, bridged: Bridged, upstream: Upstream) -> Response:
        headers = [JSON, (b"accept", b"text/event-stream" if request.stream else b"application/json")]
        callers = header(self._headers, b"authorization")
        if callers is not None and callers[7:].lstrip().startswith(b"lw_"):
            callers = None  # a key of ours never leaves the house
        try:
            key = upstream.key.authorization(callers)
        except SettingsError as error:
            log.error("upstream_key_missing", extra={"upstream": upstream.name, "error": error.message})
            raise UpstreamError(error.message, kind="refused") from error
        if key is not None:
            headers.append((b"authorization", key))
        return await self._equipment.clients[upstream.name].request(
            "POST",
            _UPSTREAM_PATHS[self._endpoint],
            headers,
            encode(bridged.body),
            deadline_seconds=self._equipment.settings.reply_seconds,
        )

    async def _answer(
        self, request: Request, inspected: Inspected, bridged: Bridged, response: Response, refusing: Refusing
    ) -> None:
        account = self._account
        account.upstream_status = response.status
        if response.status >= 400:
            await self._pass_error_on(response)
            return
        sent_on = [(name, value) for name in _SENT_ON if (value := response.header(name)) is not None]
        kind = response.header(b"content-type") or b""
        if request.stream and kind.startswith(b"text/event-stream"):
            relay = StreamRelay(self._equipment, self._inspector, request, account, self._sender, inspected)
            await relay.run(response, [*sent_on, *self._decision_headers()])
            return
        body = await response.read(self._equipment.settings.limits.reply_bytes)
        began = perf_counter()
        reply = Reply.parse(self._endpoint, body)
        if bridged.ids:
            reply.body = restore(reply.body, bridged)
        voice = self._voice(inspected)
        moderation = self._equipment.inspectors.moderation
        if self._is_hardened:
            self._note_hardened(inspected, harden_reply(reply.body, self._equipment.settings.extraction))
        whole = await inspect_whole(request, reply, self._inspector, moderation, account, voice, inspected)
        account.inspection_seconds += perf_counter() - began
        if whole.guarded.is_blocked:
            await refusing.guardrail(whole.guarded, Outcome.REFUSED_REPLY)
        elif whole.stopped is not None and self._equipment.settings.answers.refusal == "error":
            await refusing.reply(whole.stopped)
        else:
            account.outcome = Outcome.ANSWERED if whole.stopped is None else Outcome.REFUSED_REPLY
            guardrails = passed_results(whole.guarded.outcomes) if request.guardrails else None
            whole.reply.attach(self._explain(inspected, whole.reply.dropped), guardrails)
            await self._sender.whole(200, [JSON, *sent_on, *self._decision_headers()], whole.reply.encode())

    def _voice(self, inspected: Inspected) -> Voice:
        answers = self._equipment.settings.answers
        language = answers.language if inspected.language == "und" else inspected.language
        return Voice(language, self._equipment.help_lines.today(), answers.notes == "visible")

    # Words ------------------------------------------------------------------------------------------------------

    def _explain(self, inspected: Inspected, dropped: int) -> Object:
        return explain(
            self._account.id,
            self._inspector.ruleset,
            self._account.verdict(),
            appeal=self._equipment.settings.public_url,
            changes=inspected.changes,
            edits=inspected.edits,
            spotlit=inspected.spotlit,
            notices=inspected.notices,
            held_calls=inspected.held_calls,
            dropped=dropped,
        )

    def _decision_headers(self) -> list[tuple[bytes, bytes]]:
        return decision_headers(
            self._account.id, self._inspector.ruleset, self._account.verdict(), self._account.inspection_seconds
        )

    # Endings ----------------------------------------------------------------------------------------------------

    async def _rejected(self, error: WireError) -> None:
        self._account.outcome = Outcome.REJECTED
        self._account.error = error.code
        await self._fail(error.status, error.message, error.code, error.param)

    async def _upstream_failed(self, error: UpstreamError) -> None:
        self._account.outcome = Outcome.UPSTREAM_FAILED
        self._account.error = f"upstream_{error.kind}"
        log.warning("upstream_failed", extra={"decision_id": self._account.id, "kind": error.kind})
        status = 504 if error.kind == "timeout" else 502
        await self._fail(status, _UPSTREAM_WORDS.get(error.kind, _UPSTREAM_WORDS["garbage"]), self._account.error)

    async def _store_failed(self, error: StorageError) -> None:
        self._account.error = "store_unavailable"
        log.error("exchange_refused", extra={"decision_id": self._account.id, "error": error.message})
        words = "This exchange cannot be recorded at the moment, so it is not served. Please try again later."
        await self._fail(503, words, "store_unavailable")

    async def _crashed(self, error: Exception) -> None:
        self._account.error = f"exception:{type(error).__name__}"
        log.error("exchange_crashed", extra={"decision_id": self._account.id}, exc_info=error)
        await self._fail(500, "Something went wrong in the gateway; nothing was released.", "internal_error")

    async def _pass_error_on(self, response: Response) -> None:
        """Tell the caller that the model server refused, in its own words when they pass inspection."""
        self._account.outcome = Outcome.UPSTREAM_FAILED
        self._account.error = f"upstream_status_{response.status}"
        status = response.status if response.status in _STATUS_SENT_ON else 502
        headers = [(b"retry-after", after)] if (after := response.header(b"retry-after")) else []
        words = f"The model server answered with status {response.status}."
        # Errors about the request help its author; those about the server, e.g. its key, are the operator's.
        said = error_words(await response.read(_LONGEST_ERROR)) if response.status in _ABOUT_THE_REQUEST else ""
        if said:
            passage = await self._inspector.inspect_async(said, Stage.REPLY, "error.message")
            self._account.add(passage.verdict)
            if not passage.verdict.disposition.stops:
                words = f"{words} It said: {said}"
        await self._fail(status, words, "upstream_error", None, headers)

    async def _fail(self, status: int, words: str, code: str, param: str | None = None, headers: Headers = ()) -> None:
        if self._sender.is_started:
            # The head is out: the stream just ends, without its end mark, so no client takes it for complete.
            if not self._sender.is_finished:
                await self._sender.end()
            return
        body = error_body(words, status=status, code=code, param=param, leeward={"decision_id": self._account.id})
        await self._sender.whole(status, [JSON, *headers, *self._decision_headers()], body)

    def _close(self) -> None:
        at = self._equipment.clock.now()
        record = self._account.closed(at, self._equipment.salts(16))
        self._equipment.metrics.closed(record, self._endpoint)
        if self._is_recorded:
            self._equipment.store.close_record(record, self._account.evidence(at, self._equipment.evidence))


async def _until_gone(receive: Receive, leave: Callable[[], None]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    leave()


def allows(globs: Iterable[str], model: str) -> bool:
    """Whether a tenant with these globs may use `model`."""
    return any(glob == "*" or fnmatchcase(model, glob) for glob in globs)
