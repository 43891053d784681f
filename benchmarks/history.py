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
_CONVERSATIONS = 20
_SENTENCES = 4
# Far from the texts of every other load.
_FIRST_TEXT = 500_000_000


@dataclass(slots=True)
class Costs:
    """CPU µs a request, one value a round.

    Attributes:
        first: Of a conversation that was never seen.
        again: Of the same with an answer and one short new turn added.
        alone: Of one short new turn without any history.
    """

    first: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)


@dataclass(slots=True)
class History:
    """What long conversations cost with all rules on, and with none."""

    checked: Costs = field(default_factory=Costs)
    unchecked: Costs = field(default_factory=Costs)

    def again_over_first(self) -> list[float]:
        """Return what inspecting the history costs the second time, as a share of the first time.

        The gateway's own cost is taken off both, and off the second what its new turn and its reply cost.
        """
        first, again, alone = (
            differences(getattr(self.checked, name), getattr(self.unchecked, name))
            for name in ("first", "again", "alone")
        )
        return ratios(differences(again, alone), differences(first, alone))


def measure_history(ours: rivals.Proxy, without_rules: rivals.Proxy, rounds: int) -> History:
    history, numbers = History(), itertools.count(_FIRST_TEXT)
    for _ in range(rounds):
        talks = [_conversation(numbers) for _ in range(_CONVERSATIONS)]
        answered = {"role": "assistant", "content": "Gladly."}
        longer = [[*talk, answered, _said("user", next(numbers), 1)] for talk in talks]
        short = [[_said("user", next(numbers), 1)] for _ in talks]
        for proxy, costs in ((ours, history.checked), (without_rules, history.unchecked)):
            costs.first.append(_cost_us(proxy, talks))
            costs.again.append(_cost_us(proxy, longer))
            costs.alone.append(_cost_us(proxy, short))
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
    for heading in ("proxy", "CPU µs, first", "CPU µs, second", "CPU µs, the new turn alone"):
        table.add_column(heading, justify="left" if heading == "proxy" else "right")
    for name, costs in (("leeward", history.checked), ("leeward-off", history.unchecked)):
        table.add_row(name, spread(costs.first), spread(costs.again), spread(costs.alone))
    return table
