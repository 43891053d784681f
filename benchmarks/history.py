"""A long conversation sent twice, as every chat client does: what was judged once should cost nothing again."""

from __future__ import annotations

import http.client
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.table import Table

import rivals
from load import KEY
from prose import prose
from rounds import differences, ratios, spread

TURNS = 50
_CONVERSATIONS = 10
_SENTENCES = 4
# Far from the texts of every other load.
_FIRST_TEXT = 500_000_000


@dataclass(slots=True)
class History:
    """CPU µs a request, one value a round: of a first request, and of the one that follows it."""

    first: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    first_off: list[float] = field(default_factory=list)
    again_off: list[float] = field(default_factory=list)

    def again_over_first(self) -> list[float]:
        """Return the share of the first inspection that the second costs; both without the gateway's own cost."""
        return ratios(differences(self.again, self.again_off), differences(self.first, self.first_off))


def measure_history(ours: rivals.Proxy, without_rules: rivals.Proxy, rounds: int) -> History:
    history, numbers = History(), itertools.count(_FIRST_TEXT)
    for _ in range(rounds):
        talks = [_conversation(numbers) for _ in range(_CONVERSATIONS)]
        # The client adds the answer that it got and one short new turn.
        longer = [
            [*talk, {"role": "assistant", "content": "Gladly."}, _said("user", next(numbers), 1)] for talk in talks
        ]
        history.first.append(_cost_us(ours, talks))
        history.again.append(_cost_us(ours, longer))
        history.first_off.append(_cost_us(without_rules, talks))
        history.again_off.append(_cost_us(without_rules, longer))
    return history


def _conversation(numbers: itertools.count[int]) -> list[dict[str, str]]:
    roles = ("user", "assistant")
    return [_said(roles[turn % 2], next(numbers), _SENTENCES) for turn in range(TURNS - 1)]


def _said(role: str, number: int, sentences: int) -> dict[str, str]:
    return {"role": role, "content": prose(number, sentences)}


def _cost_us(proxy: rivals.Proxy, talks: Sequence[list[dict[str, str]]]) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=30)
    headers = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
    bodies = [json.dumps({"model": "mock", "messages": talk}) for talk in talks]
    before = proxy.cpu_seconds()
    for body in bodies:
        connection.request("POST", "/v1/chat/completions", body, headers)
        reply = connection.getresponse()
        if b'"choices"' not in reply.read():
            raise SystemExit(f"{proxy.name} answers a conversation with {reply.status}")
    spent = proxy.cpu_seconds() - before
    connection.close()
    return spent / len(talks) * 1e6


def history_table(history: History) -> Table:
    table = Table(title=f"a conversation of {TURNS} turns, and the request that follows it", title_justify="left")
    for heading in ("proxy", "CPU µs, first", "CPU µs, second"):
        table.add_column(heading, justify="left" if heading == "proxy" else "right")
    table.add_row("leeward", spread(history.first), spread(history.again))
    table.add_row("leeward-off", spread(history.first_off), spread(history.again_off))
    return table
