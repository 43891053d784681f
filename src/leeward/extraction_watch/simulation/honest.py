"""What honest callers send: each kind yields the exchanges of one key, in time order, without end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from heapq import merge
from random import Random

from leeward.extraction_watch.simulation.event import Sent
from leeward.extraction_watch.simulation.strategies import Params
from leeward.extraction_watch.simulation.texts import Texts

DAY = 86_400.0
Kind = Callable[[Random, Texts], Iterator[Sent]]

_PERSON: Params = {"temperature": 0.7, "max_tokens": 1024}


def chat(chance: Random, texts: Texts) -> Iterator[Sent]:
    """One person: some conversations a day with minutes between messages."""
    return _person(chance, texts, conversations_a_day=chance.uniform(1.0, 6.0))


def shared(chance: Random, texts: Texts) -> Iterator[Sent]:
    """Many people behind one key or address."""
    people = (_person(chance, texts, chance.uniform(2.0, 8.0)) for _ in range(chance.randint(20, 150)))
    return merge(*people, key=lambda sent: sent.t)


def help_desk(chance: Random, texts: Texts) -> Iterator[Sent]:
    """A bot on a web site: short questions of many visitors, one key, one setting."""
    params = {"temperature": chance.choice((0.0, 0.3)), "max_tokens": 300}
    t, gap = 0.0, chance.lognormvariate(3.0, 1.0)
    while True:
        t += chance.expovariate(1.0 / gap) * _rest(t)
        text = texts.made("ask") if chance.random() < 0.8 else texts.follow_up()
        yield Sent(t, text, params)


def batch(chance: Random, texts: Texts) -> Iterator[Sent]:
    """A job over a table: one instruction in front of changing documents, as fast as it goes."""
    frame = texts.choice("batch")
    params: dict[str, object] = {"temperature": 0.0, "max_tokens": chance.choice((4, 64, 256))}
    if chance.random() < 0.25:
        params["logprobs"] = True  # how sure the class is
    start, gap, rows = chance.uniform(0.0, DAY / 2), chance.lognormvariate(0.0, 0.8), chance.randint(200, 4_000)
    while True:
        t = start
        for _ in range(rows):
            t += chance.expovariate(1.0 / gap)
            yield Sent(t, frame + texts.document(), params)
        start = max(t, start + DAY)


def regression(chance: Random, texts: Texts) -> Iterator[Sent]:
    """A test suite: the same prompts with each change of the code."""
    kinds = (texts.human, texts.task, texts.exam)
    prompts = [chance.choice(kinds)() for _ in range(chance.randint(8, 80))]
    t, gap = 0.0, chance.lognormvariate(0.0, 0.8)
    while True:
        t += chance.expovariate(chance.uniform(2.0, 12.0) / DAY)
        for prompt in prompts:
            t += chance.expovariate(1.0 / gap)
            yield Sent(t, prompt, {"temperature": 0.0, "max_tokens": 256})


def retrieval(chance: Random, texts: Texts) -> Iterator[Sent]:
    """Questions of users with passages that were found for them."""
    frame, params = texts.choice("rag"), {"temperature": chance.choice((0.0, 0.2)), "max_tokens": 512}
    t, gap = 0.0, chance.lognormvariate(2.5, 1.0)
    while True:
        t += chance.expovariate(1.0 / gap) * _rest(t)
        yield Sent(t, texts.fill(frame), params)


def tinkering(chance: Random, texts: Texts) -> Iterator[Sent]:
    """A developer who tries out prompts and settings, and measures once on a few known questions."""
    t = 0.0
    while True:
        t += chance.expovariate(3.0 / DAY) * _rest(t)
        prompt = texts.task()
        for _ in range(chance.randint(2, 12)):
            t += chance.lognormvariate(3.4, 0.8)
            if chance.random() < 0.3:
                prompt += chance.choice((" Be brief.", " Use a list.", " Reply in JSON.", " In British English."))
            yield Sent(t, prompt, {"temperature": chance.choice((0.0, 0.7, 1.0)), "max_tokens": 512})
        if chance.random() < 0.1:
            for _ in range(chance.randint(10, 60)):
                t += chance.expovariate(0.5)
                yield Sent(t, texts.exam(), {"temperature": 0.0, "max_tokens": 256})


def _person(chance: Random, texts: Texts, conversations_a_day: float) -> Iterator[Sent]:
    t = chance.uniform(0.0, DAY / conversations_a_day)
    while True:
        text = texts.human()
        for _ in range(chance.randint(1, 12)):
            yield Sent(t, text, _PERSON)
            t += chance.lognormvariate(4.0, 0.8)
            text = texts.follow_up() if chance.random() < 0.5 else texts.human()
        t += chance.expovariate(conversations_a_day / DAY) * _rest(t)


def _rest(t: float) -> float:
    """Return how much longer gaps are at this hour: little is asked at night."""
    return 1.0 if 7 <= (t % DAY) / 3_600 < 20 else 6.0


HONEST: Mapping[str, Kind] = {
    "chat": chat,
    "shared": shared,
    "help-desk": help_desk,
    "batch": batch,
    "regression": regression,
    "retrieval": retrieval,
    "tinkering": tinkering,
}
# How common each kind is among the keys of a deployment.
SHARES: Mapping[str, float] = {
    "chat": 0.45,
    "shared": 0.08,
    "help-desk": 0.1,
    "batch": 0.12,
    "regression": 0.08,
    "retrieval": 0.1,
    "tinkering": 0.07,
}
