"""Records for tests of the desk."""

from __future__ import annotations

from dataclasses import dataclass

from leeward.domain.disposition import Disposition, Duty
from leeward.domain.finding import Finding
from leeward.domain.record import Closed, Opened, Outcome
from leeward.domain.verdict import Cause, Firing, Verdict
from leeward.domain.view import Span
from leeward.storage.evidence import Keyring
from leeward.storage.memory import MemoryStore

NOW = 1_760_000_000.0
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass
class StillClock:
    at: float = NOW

    def now(self) -> float:
        return self.at


def ulid(at: float, number: int) -> str:
    value = (int(at * 1_000) << 80) | number
    return "".join(_ALPHABET[(value >> (5 * place)) & 31] for place in reversed(range(26)))


def opened(number: int, *, at: float = NOW - 60, **changed: object) -> Opened:
    told = {
        "id": ulid(at, number),
        "at": at,
        "endpoint": "chat.completions",
        "model": "some-model",
        "tenant": "default",
        "key": "",
        "end_user": "",
        "ruleset_name": "mistral-v1",
        "ruleset": "sha256:00",
        "is_stream": True,
    }
    return Opened(**{**told, **changed})


def firing(rule: str, disposition: Disposition, **changed: object) -> Firing:
    told = {
        "rule": rule,
        "name": f"Name of {rule}",
        "disposition": disposition,
        "duties": frozenset({Duty.LOG}),
        "level": 1,
        "cause": Cause.FINDING,
        "detector": "front-text",
        "part": "messages[0].content",
        "finding": Finding(hazard="hate", confidence=0.91, span=Span(3, 9)),
    }
    return Firing(**{**told, **changed})


def closed(record: Opened, outcome: Outcome = Outcome.ANSWERED, *firings: Firing, **changed: object) -> Closed:
    verdict = Verdict(
        disposition=max((f.disposition for f in firings), default=Disposition.PASS),
        duties=frozenset({Duty.LOG}) if firings else frozenset(),
        firings=firings,
        scores={"RULE-MIST-001": 0.25},
        checked=frozenset({"RULE-MIST-001"}),
        language="fr",
    )
    told = {"id": record.id, "at": record.at + 0.0125, "outcome": outcome, "verdict": verdict, "upstream": "main"}
    return Closed(**{**told, **changed})


def empty_store() -> MemoryStore:
    store = MemoryStore(clock=StillClock(), keyring=Keyring((b"k" * 32,)))
    store.start()
    return store
