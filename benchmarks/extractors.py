"""Small real extractors and honest programs, each with the `openai` client, against a running gateway.

    leeward serve --demo                                                # in another terminal
    python benchmarks/extractors.py --url http://127.0.0.1:8080 --key lw_… --key lw_…

Each program gets a key of its own where there are enough of them, and stops at the first 429: an extractor that goes
on is slowed down further. Whatever the model replies, they do what the papers do with it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from random import Random

import openai

from leeward.extraction_watch.simulation.texts import Texts

Asking = Generator[Callable[[], str], str, None]  # yields what to ask, is told the reply
Program = Callable[[openai.OpenAI, str, Random], Asking]
_TASKS_ASKED = 8


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a program.

    Attributes:
        sent: Exchanges that it sent.
        held: Number of the first that was answered with 429; 0 when none was.
        told: What that answer said.
        wait_seconds: Its `Retry-After`.
    """

    name: str
    sent: int
    held: int = 0
    told: str = ""
    wait_seconds: int = 0


def self_instruct(client: openai.OpenAI, model: str, chance: Random) -> Asking:
    """Grow a pool of tasks with the model's help and have every task solved (Wang et al. 2023, arXiv:2212.10560)."""
    texts, seen = Texts(chance), list[str]()
    pool = [texts.instruction() for _ in range(30)]
    while True:
        shown = "\n".join(f"Task {n}: {task}" for n, task in enumerate(chance.sample(pool, 6), 1))
        reply = yield partial(
            _chat, client, model, f"Come up with a series of tasks:\n\n{shown}\nTask 7:", temperature=0.7
        )
        made = [line.partition(":")[2].strip() for line in reply.splitlines() if line.startswith("Task ")]
        fresh = [task for task in made if task and task not in pool] or [texts.instruction() for _ in range(3)]
        pool += fresh
        for task in [t for t in fresh if t not in seen][:_TASKS_ASKED]:
            seen.append(task)
            yield partial(_chat, client, model, task, temperature=0.7)


def empty_prefix(client: openai.OpenAI, model: str, chance: Random) -> Asking:
    """Send the beginning of a user's turn and take what the model makes up as the question (arXiv:2406.08464)."""
    while True:
        yield partial(_complete, client, model, "<s>[INST]", temperature=chance.choice((0.9, 1.0, 1.2)))


def logit_probe(client: openai.OpenAI, model: str, chance: Random) -> Asking:
    """Read the logit of one token after the other by biasing it (Carlini et al. 2024, arXiv:2403.06634)."""
    for token in count(chance.randrange(1_000)):
        bias = {str(token): 100}
        yield partial(
            _chat, client, model, "Hello", temperature=0.0, max_tokens=1, logprobs=True, top_logprobs=5, logit_bias=bias
        )


def distillation(client: openai.OpenAI, model: str, chance: Random) -> Asking:
    """Have one stand-alone task after the other solved, for a student to learn from."""
    texts = Texts(chance)
    while True:
        yield partial(_chat, client, model, texts.instruction(), temperature=0.7, max_tokens=512)


def person(client: openai.OpenAI, model: str, chance: Random) -> Asking:
    """Somebody who chats: the whole conversation goes along each time."""
    texts = Texts(chance)
    while True:
        talk, text = list[dict[str, str]](), texts.human()
        for _ in range(chance.randint(1, 8)):
            reply = yield partial(_chat, client, model, text, talk=tuple(talk))
            talk += [{"role": "user", "content": text}, {"role": "assistant", "content": reply}]
            text = texts.follow_up()


def batch_job(client: openai.OpenAI, model: str, chance: Random) -> Asking:
    """A job over a table: one instruction, changing documents, with the certainty of its one-word answer."""
    texts = Texts(chance)
    frame = texts.choice("batch")
    while True:
        text = frame + texts.document()
        yield partial(_chat, client, model, text, temperature=0.0, max_tokens=4, logprobs=True)


def test_suite(client: openai.OpenAI, model: str, chance: Random) -> Asking:
    """The same forty prompts with every change of some code."""
    texts = Texts(chance)
    prompts = [chance.choice((texts.human, texts.task, texts.exam))() for _ in range(40)]
    while True:
        for prompt in prompts:
            yield partial(_chat, client, model, prompt, temperature=0.0)


EXTRACTORS: dict[str, Program] = {
    "self-instruct": self_instruct,
    "empty-prefix": empty_prefix,
    "logit-probe": logit_probe,
    "distillation": distillation,
}
HONEST: dict[str, Program] = {"person": person, "batch-job": batch_job, "test-suite": test_suite}


def run(name: str, url: str, key: str, *, model: str = "", most: int = 400, seed: int = 1) -> Ran:
    """Run a program until it is slowed down, or has sent `most` exchanges."""
    program = {**EXTRACTORS, **HONEST}[name]
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key or "none", max_retries=0) as client:
        model = model or client.models.list().data[0].id
        asking = program(client, model, Random(f"{seed}/{name}"))
        ask = next(asking)
        for number in range(1, most + 1):
            try:
                ask = asking.send(ask())
            except openai.RateLimitError as error:
                wait = int(error.response.headers["retry-after"])
                return Ran(name, number, number, str(error.response.json()["error"]["message"]), wait)
    return Ran(name, most)


def _chat(
    client: openai.OpenAI, model: str, text: str, talk: Sequence[dict[str, str]] = (), **sampling: object
) -> str:
    messages = [*talk, {"role": "user", "content": text}]
    asked = client.chat.completions.create(model=model, messages=messages, **sampling)  # type: ignore[call-overload]
    return str(asked.choices[0].message.content or "")


def _complete(client: openai.OpenAI, model: str, prompt: str, *, temperature: float) -> str:
    asked = client.completions.create(model=model, prompt=prompt, temperature=temperature, max_tokens=256)
    return asked.choices[0].text


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--key", action="append", default=[], help="a virtual key; once for each program")
    parser.add_argument("--model", default="", help="the first that the gateway lists by default")
    parser.add_argument("--most", type=int, default=400, help="exchanges of each program")
    args = parser.parse_args(arguments)
    print("| program | sent | slowed down after |\n|---|---|---|")
    for number, name in enumerate((*HONEST, *EXTRACTORS)):
        key = args.key[number % len(args.key)] if args.key else ""
        ran = run(name, args.url, key, model=args.model, most=args.most)
        print(f"| {name} | {ran.sent} | {ran.held or 'never'} |", flush=True)


if __name__ == "__main__":
    main()
