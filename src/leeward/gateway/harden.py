"""Takes from a caller under suspicion of model extraction what extraction feeds on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from leeward.extraction_watch.weigh import Step
from leeward.gateway.settings import Hardening
from leeward.gateway.wire.body import Json, Object
from leeward.gateway.wire.request import Request

_LOGPROBS: Final = ("logprobs", "top_logprobs", "prompt_logprobs", "top_prompt_logprobs")
_INCLUDED: Final = "message.output_text.logprobs"
_DEFAULT_TEMPERATURE: Final = 1.0
_WHY: Final = "the traffic of this key or tenant looks like model extraction (RULE-MIST-010)"


class Suspicions(Protocol):
    """Knows how far the suspicion against a caller has gone."""

    def standing(self, tenant: str, key: str, /) -> Step:
        """Return the step of a caller."""

    def note_hardened(self, tenant: str, key: str, changes: Sequence[str], /) -> None:
        """Take note that requests of a caller are changed, and how."""


class NoSuspicions:
    """Suspects nobody: where no ruleset watches traffic."""

    def standing(self, tenant: str, key: str, /) -> Step:  # noqa: ARG002 - nobody is suspected
        """Return that there is no suspicion."""
        return Step.NONE

    def note_hardened(self, tenant: str, key: str, changes: Sequence[str], /) -> None:
        """Note nothing: nobody is suspected."""


NOBODY: Final = NoSuspicions()


def is_hardened(step: Step, settings: Hardening) -> bool:
    """Whether replies are hardened at a step."""
    return settings.at != "never" and step.rank >= Step(settings.at).rank


def harden_request(request: Request, settings: Hardening) -> list[str]:
    """Change the body of a request; return what was changed, in words for the caller."""
    body = request.body
    changes: list[str] = []
    if settings.logprobs == "drop" and _drop_logprobs(body):
        changes.append(f"logprobs: not asked for, since {_WHY}")
    if settings.logit_bias == "drop" and body.pop("logit_bias", None):
        changes.append(f"logit_bias: taken out, since {_WHY}")
    floor = settings.temperature_floor
    asked = request.sampling.temperature
    if floor and request.endpoint != "embeddings" and (_DEFAULT_TEMPERATURE if asked is None else asked) < floor:
        body["temperature"] = floor
        changes.append(f"temperature: raised to {floor:g}, since {_WHY}")
    return changes


def harden_reply(body: Object, settings: Hardening) -> list[str]:
    """Change the body of a whole reply; return what was changed. Streams never carry log-probabilities."""
    if settings.logprobs != "round":
        return []
    holders = [c for c in _objects(body.get("choices")) if c.get("logprobs")]
    holders += [p for i in _objects(body.get("output")) for p in _objects(i.get("content")) if p.get("logprobs")]
    for holder in holders:
        holder["logprobs"] = _rounded(holder["logprobs"])
    return [f"logprobs: rounded to one decimal, since {_WHY}"] if holders else []


def _drop_logprobs(body: Object) -> bool:
    asked = [bool(body.pop(key)) for key in _LOGPROBS if key in body]
    included = body.get("include")
    if isinstance(included, list) and _INCLUDED in included:
        body["include"] = [each for each in included if each != _INCLUDED]
        asked.append(True)
    return any(asked)


def _rounded(value: Json) -> Json:
    if isinstance(value, float):
        return round(value, 1)
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return {key: _rounded(each) for key, each in value.items()} if isinstance(value, dict) else value


def _objects(value: Json) -> list[Object]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []
