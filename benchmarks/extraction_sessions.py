"""How many labelled sessions the watch alerts on, by strategy: one half to tune on, the other to report.

A session is a line `{"id", "events": [{"t", "text", "params"}], "labels": {"R010": 0 or 1}, "meta": {"strategy"}}`,
gzip or plain; each is judged by a fresh watch, as a deployment's first hours would be.
"""

from __future__ import annotations

import argparse
import gzip
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from extraction import facts_of
from leeward.extraction_watch.replay import replay
from leeward.extraction_watch.simulation.event import Event


class Sent(msgspec.Struct):
    """An exchange of a session."""

    t: float
    text: str = ""
    params: dict[str, object] = {}


class Session(msgspec.Struct):
    """A labelled session."""

    id: str
    events: list[Sent]
    labels: dict[str, int]
    meta: dict[str, object]

    @property
    def name(self) -> tuple[bool, str]:
        """Whether it is an extraction, and of which strategy."""
        return self.labels.get("R010") == 1, str(self.meta.get("strategy", ""))

    def is_alerted(self) -> bool:
        """Whether it reaches any step."""
        events = (Event(e.t, self.id, self.id, e.text, e.params) for e in self.events)
        return next(replay(facts_of(event) for event in events), None) is not None  # type: ignore[misc]


def sessions_in(path: Path) -> Iterator[Session]:
    """Yield the sessions of a file."""
    decode = msgspec.json.Decoder(Session).decode
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
        yield from map(decode, lines)


def half_of_each(sessions: Iterator[Session], parity: int | None) -> Iterator[Session]:
    """Yield every other session of each strategy, or all when `parity` is None."""
    met = Counter[tuple[bool, str]]()
    for session in sessions:
        if parity is None or met[session.name] % 2 == parity:
            yield session
        met[session.name] += 1


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sessions", type=Path)
    parser.add_argument("--half", choices=["tune", "report", "all"], default="report")
    args = parser.parse_args(arguments)
    parity: Mapping[str, int | None] = {"tune": 0, "report": 1, "all": None}
    seen, alerted = Counter[tuple[bool, str]](), Counter[tuple[bool, str]]()
    for session in half_of_each(sessions_in(args.sessions), parity[args.half]):
        seen[session.name] += 1
        alerted[session.name] += session.is_alerted()
    print("| session | extraction | alerted |\n|---|---|---|")
    for name in sorted(seen):
        print(f"| {name[1]} | {'yes' if name[0] else 'no'} | {alerted[name]} of {seen[name]} |")
    for kind in (True, False):
        of = sum(n for name, n in seen.items() if name[0] is kind)
        caught = sum(n for name, n in alerted.items() if name[0] is kind)
        print(f"\n{'extractions alerted' if kind else 'honest sessions alerted'}: {caught} of {of}")


if __name__ == "__main__":
    main()
