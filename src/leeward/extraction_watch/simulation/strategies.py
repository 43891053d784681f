"""What extractors send: each strategy yields texts and sampling without end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from random import Random

from leeward.extraction_watch.simulation.texts import Texts

Params = Mapping[str, object]
Query = tuple[str, Params]
Strategy = Callable[[Random, Texts], Iterator[Query]]


def distillation(chance: Random, texts: Texts) -> Iterator[Query]:
    """Diverse stand-alone tasks whose replies train a student, as after Taori et al. (2023)."""
    params = _sampling(chance, (0.2, 0.7, 1.0), (256, 512, 1024, 2048))
    return ((text, params) for text in texts.swept("instruction"))


def bootstrap(chance: Random, texts: Texts) -> Iterator[Query]:
    """Have the model make up tasks and harder ones, then solve them (Wang et al. 2023, arXiv:2212.10560)."""
    params = _sampling(chance, (0.7, 0.8, 1.0), (1024, 2048, 3072))
    tasks, frame = texts.swept("instruction"), texts.choice("bootstrap")
    asks_share = chance.uniform(0.3, 1.0)
    while True:
        yield (texts.fill(frame) if chance.random() < asks_share else next(tasks)), params


def empty_prefix(chance: Random, texts: Texts) -> Iterator[Query]:
    """Chat templates or nothing, so that the model makes up the question (Xu et al. 2024, arXiv:2406.08464)."""
    text = texts.choice("chat_template")
    while True:
        yield text, {"temperature": chance.choice((0.8, 1.0, 1.1, 1.25)), "top_p": 1.0, "max_tokens": 2048}


def exam_sweep(chance: Random, texts: Texts) -> Iterator[Query]:
    """Every item of a set of examination questions, once."""
    params = dict(_sampling(chance, (0.0,), (16, 256, 512, 1024)))
    if chance.random() < 0.5:
        params |= {"logprobs": True, "top_logprobs": 5}
    return ((text, params) for text in texts.swept("exam"))


def random_words(chance: Random, texts: Texts) -> Iterator[Query]:
    """Sequences of words without sense (Krishna et al. 2020, arXiv:1910.12366)."""
    params = dict(_sampling(chance, (0.0, 0.7, 1.0), (32, 64, 256)))
    if chance.random() < 0.5:
        params["logprobs"] = True
    while True:
        yield texts.words(), params


def logit_bias(chance: Random, texts: Texts) -> Iterator[Query]:
    """Read logits out through biases on a few tokens (Carlini et al. 2024, arXiv:2403.06634)."""
    prompts = [texts.instruction() for _ in range(chance.choice((1, 1, 5, 30)))]
    first, width, top = 0, chance.choice((1, 4, 20)), chance.choice((0, 5, 20))
    while True:
        bias = {str(first + i): 100 for i in range(width)}
        first = (first + width) % 32_000
        asked: dict[str, object] = {"logprobs": True, "top_logprobs": top} if top else {}
        yield chance.choice(prompts), {"temperature": 0, "max_tokens": 1, "logit_bias": bias, **asked}


def topic_grid(chance: Random, texts: Texts) -> Iterator[Query]:
    """Every frame on every topic."""
    params = _sampling(chance, (0.7, 1.0), (1024, 2048))
    frames = [
        f"{what} about {{}}{end}"
        for what, end in product(
            ("Write a lesson", "Ask five hard questions", "List common mistakes", "Tell a story", "Give an analogy"),
            (".", " for a beginner.", " with answers."),
        )
    ]
    chance.shuffle(frames)
    while True:
        topic = f"{texts.choice('topic')} {texts.choice('place')}"
        yield from ((frame.format(topic), params) for frame in frames)


def reasoning(chance: Random, texts: Texts) -> Iterator[Query]:
    """Questions with the demand to write out all reasoning."""
    params = _sampling(chance, (0.0, 0.7), (2048, 4096, 8192))
    frame = texts.choice("reasoning")
    while True:
        yield texts.fill(frame), params


def _sampling(chance: Random, temperatures: tuple[float, ...], lengths: tuple[int, ...]) -> Params:
    return {"temperature": chance.choice(temperatures), "max_tokens": chance.choice(lengths)}


STRATEGIES: Mapping[str, Strategy] = {
    "distillation": distillation,
    "bootstrap": bootstrap,
    "empty-prefix": empty_prefix,
    "exam-sweep": exam_sweep,
    "random-words": random_words,
    "logit-bias": logit_bias,
    "topic-grid": topic_grid,
    "reasoning": reasoning,
}
