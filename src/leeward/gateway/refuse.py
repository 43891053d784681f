"""Answers that no model gives: refusals, restrictions, waiting times, guardrail blocks."""

from __future__ import annotations

import re

from leeward.answers import refusal, restricted, throttled
from leeward.domain.disposition import Disposition
from leeward.domain.record import Outcome
from leeward.domain.verdict import Verdict
from leeward.gateway.account import Account
from leeward.gateway.asgi import JSON, Sender
from leeward.gateway.equipment import Equipment
from leeward.gateway.explain import decision_headers, explain
from leeward.gateway.guarding import Guarded
from leeward.gateway.licensing import why_restricted
from leeward.gateway.prompt import Inspected
from leeward.gateway.streamed import StreamRelay
from leeward.gateway.wire.body import Object
from leeward.gateway.wire.errors import error_body, guardrail_body, guardrail_failure_body
from leeward.gateway.wire.reply import Reply
from leeward.gateway.wire.request import Request
from leeward.inspection.inspector import Inspector

_DEFAULT_WAIT_SECONDS = 60
_WAIT = re.compile(r"retry_after_seconds=(\d{1,6})")


class Refusing:
    """Answers in place of the model.

    Args:
        equipment: What it needs of the house.
        inspector: Of the ruleset that judges the exchange.
        request: What was asked.
        account: Where the outcome is noted.
        sender: Where the answer goes.
        inspected: What the request came to.
    """

    def __init__(
        self,
        equipment: Equipment,
        inspector: Inspector,
        request: Request,
        account: Account,
        sender: Sender,
        inspected: Inspected,
    ) -> None:
        self._equipment = equipment
        self._inspector = inspector
        self._request = request
        self._account = account
        self._sender = sender
        self._inspected = inspected
        language = inspected.language
        self._language = equipment.settings.answers.language if language == "und" else language

    async def prompt(self, verdict: Verdict) -> None:
        """Answer a request that must not reach the model."""
        match verdict.disposition:
            case Disposition.THROTTLE:
                await self._throttle(verdict)
            case Disposition.RESTRICT:
                self._account.outcome = Outcome.RESTRICTED
                words = f"{restricted(self._language)} {why_restricted(verdict)}"
                await self._error(403, words.rstrip(), "license_restricted")
            case _:
                self._account.outcome = Outcome.REFUSED_PROMPT
                await self._refuse(verdict)

    async def reply(self, verdict: Verdict) -> None:
        """Answer with an error in place of a reply that was stopped."""
        self._account.outcome = Outcome.REFUSED_REPLY
        await self._refuse_as_error(verdict)

    async def guardrail(self, guarded: Guarded, outcome: Outcome) -> None:
        """Answer as Mistral does when one of the request's own guardrails blocks."""
        self._account.outcome = outcome
        told = self._told()
        if guarded.has_failed:
            body = guardrail_failure_body(self._request.guardrails, leeward=told)
        else:
            body = guardrail_body(guarded.outcomes, leeward=told)
        await self._sender.whole(403, [JSON, *self._headers()], body)

    async def _refuse(self, verdict: Verdict) -> None:
        request = self._request
        if self._equipment.settings.answers.refusal == "error" or request.endpoint == "embeddings":
            await self._refuse_as_error(verdict)
        elif request.stream:
            relay = StreamRelay(self._equipment, self._inspector, request, self._account, self._sender, self._inspected)
            await relay.refuse(verdict, self._headers())
        else:
            words = refusal(verdict, self._language, self._equipment.help_lines.today())
            created = int(self._equipment.clock.now())
            reply = Reply.written(request, words, id=f"chatcmpl-{self._account.id}", created=created)
            reply.attach(self._told())
            await self._sender.whole(200, [JSON, *self._headers()], reply.encode())

    async def _refuse_as_error(self, verdict: Verdict) -> None:
        words = refusal(verdict, self._language, self._equipment.help_lines.today())
        await self._error(403 if self._request.client == "mistral" else 400, words, "content_filter")

    async def _throttle(self, verdict: Verdict) -> None:
        self._account.outcome = Outcome.THROTTLED
        evidence = " ".join(e for f in verdict.firings if f.finding is not None for e in f.finding.evidence)
        waits = [int(seconds) for seconds in _WAIT.findall(evidence)]
        seconds = max(waits, default=_DEFAULT_WAIT_SECONDS)
        seen = dict.fromkeys(f.finding.message for f in verdict.firings if f.finding is not None and f.finding.message)
        await self._error(
            429,
            " ".join((throttled(self._language, seconds), *seen, self._how_to_object())),
            "rate_limited",
            (b"retry-after", b"%d" % seconds),
        )

    def _how_to_object(self) -> str:
        contact = self._equipment.settings.answers.contact
        whom = f"write to {contact}" if contact else "turn to the operator of this service"
        return f"To have this reviewed, {whom} and name decision {self._account.id}."

    async def _error(self, status: int, words: str, code: str, *headers: tuple[bytes, bytes]) -> None:
        body = error_body(words, status=status, code=code, leeward=self._told())
        await self._sender.whole(status, [JSON, *headers, *self._headers()], body)

    def _told(self) -> Object:
        return explain(
            self._account.id,
            self._inspector.ruleset,
            self._account.verdict(),
            appeal=self._equipment.settings.public_url,
            changes=self._inspected.changes,
            edits=self._inspected.edits,
            spotlit=self._inspected.spotlit,
            notices=self._inspected.notices,
        )

    def _headers(self) -> list[tuple[bytes, bytes]]:
        return decision_headers(
            self._account.id, self._inspector.ruleset, self._account.verdict(), self._account.inspection_seconds
        )
