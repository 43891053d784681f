from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest

from leeward.detectors.registry import open_detectors
from leeward.domain.finding import NOTHING, Reading
from leeward.domain.view import Fact, Stage, View
from leeward.extraction_watch.detector import ExtractionWatch
from leeward.extraction_watch.exchange import bias_of, read
from leeward.extraction_watch.memory import TrafficMemory
from leeward.extraction_watch.weigh import Limits, Step

Facts = dict[str, Fact]
TOPICS = (
    "inflation",
    "photosynthesis",
    "chess openings",
    "sourdough",
    "glaciers",
    "tax law",
    "jazz harmony",
    "volcanoes",
)
FRAMES = (
    "Explain {} to a beginner.", "List common mistakes about {}.", "Write a quiz about {}.", "Compare {} to art.",
    "Give an example of {}.", "Summarise {} in a table.", "Tell the history of {}.", "Name three books about {}.",
)  # fmt: skip
TEMPLATE = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
NOUNS = (
    "apple", "river", "copper", "window", "garden", "winter", "pencil", "marble", "forest", "candle", "bridge", "shoe",
)  # fmt: skip


def facts(number: int, text: str, *, gap: float = 2.0, key: str = "k1", **params: Fact) -> Facts:
    known: Facts = {"temperature": 0.7, "max_tokens": 512, "n": 1, "logprobs": False, "logit_bias": False}
    return {"t": 1_000.0 + number * gap, "tenant": "acme", "key": key, "texts": [text]} | known | params


def empty_prefixes() -> Iterator[Facts]:
    return (facts(n, TEMPLATE, temperature=1.0) for n in range(60))


def biased_logits() -> Iterator[Facts]:
    return (facts(n, "Say it.", logit_bias=True, logprobs=True, max_tokens=1, temperature=0.0) for n in range(60))


def word_salads() -> Iterator[Facts]:
    for n in range(80):
        words = [NOUNS[(n * 5 + i * (n % 7 + 1)) % len(NOUNS)] for i in range(9)]
        yield facts(n, " ".join(words), logprobs=True, temperature=0.0)


def grids() -> Iterator[Facts]:
    cells = [frame.format(topic) for topic in TOPICS for frame in FRAMES]
    return (facts(n, text) for n, text in enumerate(cells))


def exams() -> Iterator[Facts]:
    for n in range(150):
        text = f"Ann{n} has {n} pens and loses {n // 2} at shop {n}. How many pens does Ann{n} have?"
        yield facts(n, text, temperature=0.0, logprobs=True)


def evolutions() -> Iterator[Facts]:
    for n in range(120):
        text = f"{NOUNS[n % 12]} number {n} is heavy, is it not?"
        yield facts(n, f"Make this prompt more complex by adding one constraint: {text}" if n % 2 else text)


def reasonings() -> Iterator[Facts]:
    for n in range(100):
        yield facts(
            n, f"{NOUNS[n % 12]} {n} or {NOUNS[n % 7]}: which one? Show your complete reasoning.", max_tokens=4096
        )


def resamplings() -> Iterator[Facts]:
    return (facts(n, "Write a story about the sea.", temperature=1.0, n=8) for n in range(80))


def sweeps() -> Iterator[Facts]:
    return (facts(n, "Write a story about the sea.", temperature=n % 9 / 10) for n in range(120))


EXTRACTIONS = {
    "extraction.empty_prefix": (empty_prefixes, word_salads),
    "extraction.logprobs": (biased_logits,),
    "extraction.enumeration": (grids, exams, resamplings, sweeps),
    "extraction.template": (evolutions, reasonings),
}


def chats() -> Iterator[Facts]:
    said = (
        "hello",
        "how many days are in a leap year?",
        "and what is the sum of 3 and 4?",
        "thanks",
        "why is the sky blue?",
    )
    return (facts(n, f"{said[n % 5]} {'again' * (n // 5)}", gap=45.0) for n in range(60))


def batches() -> Iterator[Facts]:
    for n in range(500):
        text = (
            f"Classify this ticket as refund or other. Reply with one word.\n\nTicket {n}: the {NOUNS[n % 12]} broke."
        )
        yield facts(n, text, gap=0.5, temperature=0.0, max_tokens=4, logprobs=True)


def documents() -> Iterator[Facts]:
    return (facts(n, f"The {NOUNS[n % 12]} of house {n} was sold to Mr {n} on a Monday.", gap=0.5) for n in range(500))


def regressions() -> Iterator[Facts]:
    return (facts(n, f"Question {n % 12}: how many {NOUNS[n % 12]}s fit?", temperature=0.0) for n in range(240))


def own_measurements() -> Iterator[Facts]:
    return (facts(n, f"Ann has {n} pens and Bob {n + n % 7}. How many pens?", temperature=0.0) for n in range(60))


def homework() -> Iterator[Facts]:
    return (facts(n, f"Train {n} runs {n * 7} km. How long does it take?", gap=180.0) for n in range(60))


def captions() -> Iterator[Facts]:
    return (facts(n, "", media=True, prompt_empty=True) for n in range(300))


def look(watch: ExtractionWatch, one: Facts) -> Reading:
    return watch.examine(View(text="", stage=Stage.TRAFFIC, facts=one))


@pytest.mark.parametrize(
    ("hazard", "session"), [(hazard, session) for hazard, some in EXTRACTIONS.items() for session in some]
)
def test_each_way_of_extraction_is_throttled(hazard: str, session: Callable[[], Iterator[Facts]]) -> None:
    watch = ExtractionWatch()
    found = [finding for one in session() for finding in look(watch, one).findings]

    assert found
    assert hazard in {f.hazard for f in found}
    assert all(f.confidence >= 0.5 for f in found)


@pytest.mark.parametrize("session", [chats, batches, documents, regressions, own_measurements, homework, captions])
def test_ordinary_traffic_is_never_throttled(session: Callable[[], Iterator[Facts]]) -> None:
    watch = ExtractionWatch()

    assert [f for one in session() for f in look(watch, one).findings] == []


def test_suspicion_rises_by_steps() -> None:
    watch = ExtractionWatch()
    steps = [watch.observe(read(one))[0].step for one in evolutions()]

    assert list(dict.fromkeys(steps)) == [Step.NONE, Step.SOFT, Step.HARD, Step.ALERT]


def test_a_finding_says_why_and_how_long_to_wait_and_holds_no_text() -> None:
    watch = ExtractionWatch()
    finding = [f for one in biased_logits() for f in look(watch, one).findings][-1]

    assert "biased logits" in finding.message
    assert any(e.startswith("biased_logits=") for e in finding.evidence)
    assert any(e.startswith("retry_after_seconds=") and int(e.partition("=")[2]) > 0 for e in finding.evidence)
    assert "Say it" not in finding.message + "".join(finding.evidence)


def test_a_throttled_key_gets_one_exchange_through_in_each_interval() -> None:
    watch = ExtractionWatch()
    for one in biased_logits():
        look(watch, one)
    late = facts(0, "Say it.", logit_bias=True, logprobs=True, max_tokens=1) | {"t": 2_000.0}

    assert look(watch, late) == NOTHING
    assert len(look(watch, late | {"t": 2_001.0}).findings) == 1


def test_retries_of_a_throttled_exchange_add_no_evidence() -> None:
    watch = ExtractionWatch()
    attack = list(evolutions())
    for one in attack[:40]:
        last = one
        look(watch, one)
    trace = watch.memory.known("acme", "k1")
    assert trace is not None
    assert trace.is_held
    before = dict(trace.evidence)
    look(watch, last)

    assert trace.evidence == before


def test_a_key_that_stops_recovers() -> None:
    watch = ExtractionWatch()
    for one in empty_prefixes():
        look(watch, one)

    assert look(watch, facts(0, "hello there") | {"t": 1_000.0 + 2 * 86_400.0}).findings == ()


def test_forgetting_a_key_undoes_what_was_concluded_of_it() -> None:
    watch = ExtractionWatch()
    for one in empty_prefixes():
        look(watch, one)

    assert watch.memory.forget("k1") == 1
    assert watch.memory.forget("", "acme") == 1
    assert look(watch, facts(61, "hello there")).findings == ()
    assert watch.memory.forget("k1", "elsewhere") == 0


def test_one_key_is_not_throttled_for_another() -> None:
    watch = ExtractionWatch()
    for one in empty_prefixes():
        look(watch, one)

    assert look(watch, facts(61, "hello there", key="k2")).findings == ()


def test_extraction_spread_over_many_keys_throttles_the_tenant() -> None:
    watch = ExtractionWatch()
    attack = (facts(n, TEMPLATE, key=f"k{n % 50}", temperature=1.0) for n in range(150))
    found = [f for one in attack for f in look(watch, one).findings]

    assert any("tenant" in f.message for f in found)


def test_without_keys_the_tenant_is_watched() -> None:
    watch = ExtractionWatch()

    assert any(look(watch, one | {"key": ""}).findings for one in empty_prefixes())


def test_volume_alone_is_a_soft_suspicion_at_the_budget() -> None:
    watch = ExtractionWatch(limits=Limits(exchanges=100.0))
    found = [f for one in documents() for f in look(watch, one).findings]

    assert {f.hazard for f in found} == {"extraction.volume"}
    assert max(f.confidence for f in found) <= 0.8


def test_memory_is_bounded() -> None:
    watch = ExtractionWatch(TrafficMemory(most=10))
    for n in range(200):
        look(watch, facts(n, f"word{n} " * 10, key=f"k{n % 40}"))
    trace = watch.memory.trace("acme", "k39", 0.0)

    assert len(watch.memory) <= 10
    for n in range(1_000):
        trace.remember(read(facts(n, f"a{n} b topic{n} other{n}")))
    assert (len(trace.texts), len(trace.frames), len(trace.words)) == (64, 48, 192)


def test_distinct_prompts_are_estimated() -> None:
    trace = TrafficMemory().trace("a", "b", 0.0)
    for n in range(600):
        trace.remember(read(facts(n, f"prompt number {n % 300}")))

    assert trace.distinct == pytest.approx(300, rel=0.15)


def tasks(count: int) -> Iterator[str]:
    orders = ("Describe", "Outline", "Compare", "Explain", "List", "Summarise", "Suggest", "Identify")
    return (f"{orders[n * 7 % 8]} zeta{n} and omega{3 * n} for theta{n + 1}." for n in range(count))


def said(number: int) -> str:
    return f"can you tell me more about my {NOUNS[number % 12]} number {number}"


def steps_of(session: Iterable[Facts]) -> list[Step]:
    watch = ExtractionWatch()
    return [watch.observe(read(one))[0].step for one in session]


def test_working_through_tasks_is_seen_after_some_hundreds_and_not_before() -> None:
    steps = steps_of(facts(n, text) for n, text in enumerate(tasks(400)))

    assert set(steps[:60]) == {Step.NONE}
    assert steps[-1] is Step.ALERT


def test_a_slow_extraction_adds_up_over_days() -> None:
    slow = (facts(n, text, gap=400.0) for n, text in enumerate(tasks(600)))

    assert steps_of(slow)[-1] is Step.ALERT


def test_a_person_who_asks_now_and_then_never_adds_up() -> None:
    month = (facts(n, text, gap=2_400.0) for n, text in enumerate(tasks(1_000)))

    assert set(steps_of(month)) == {Step.NONE}


@pytest.mark.parametrize(
    ("hostile", "one_in"),
    [({"logit_bias": 77, "logprobs": True, "max_tokens": 1}, 10), ({"temperature": 1.0}, 10)],
)
def test_a_tenth_of_the_traffic_is_enough(hostile: dict[str, Fact], one_in: int) -> None:
    def mixed() -> Iterator[Facts]:
        for n in range(3_000):
            if n % one_in:
                yield facts(n, said(n))
            elif "logit_bias" in hostile:
                yield facts(n, "Say it.", **(hostile | {"logit_bias": 100 + n}))
            else:
                yield facts(n, TEMPLATE, **hostile)

    assert steps_of(mixed())[-1] is Step.ALERT


def test_a_program_that_shares_its_key_with_people_is_weighed_apart() -> None:
    texts = tasks(1_000)
    mixed = (facts(n, said(n) if n % 5 else next(texts), temperature=0.7 if n % 5 else 0.2) for n in range(2_500))

    assert steps_of(mixed)[-1] is not Step.NONE


def test_a_classifier_that_biases_its_labels_is_left_alone() -> None:
    labels = {"logit_bias": bias_of({"9": 50.0, "12": 50.0}), "max_tokens": 1, "logprobs": True, "temperature": 0.0}
    calls = (facts(n, f"The {NOUNS[n % 12]} of order {n} came late.", **labels) for n in range(600))

    assert set(steps_of(calls)) == {Step.NONE}


def test_the_tokens_that_are_biased_are_told_apart() -> None:
    assert bias_of(None) == bias_of({}) == bias_of(False) == 0
    assert bias_of(True) == 1
    assert bias_of({"1": 5.0, "2": 5.0}) == bias_of({"2": 9.0, "1": 1.0})
    assert bias_of({"1": 5.0}) != bias_of({"2": 5.0}) > 1
    assert bias_of({"1": 5.0}) % 2 == 0
    assert bias_of({"1": 5.0, "2": 5.0}) % 2 == 1


def test_colluding_keys_are_named_and_others_of_their_tenant_are_not() -> None:
    watch = ExtractionWatch()
    for n in range(400):
        look(watch, facts(n, TEMPLATE, key=f"k{n % 50}", temperature=1.0))
        look(watch, facts(n, said(n), key="honest"))

    assert len(watch.colluders("acme")) == 50
    assert "honest" not in watch.colluders("acme")
    assert watch.colluders("elsewhere") == ()


def test_a_suspension_is_proposed_when_an_alert_lasts() -> None:
    watch = ExtractionWatch()
    found = [f for n in range(900) for f in look(watch, facts(n, f"{TEMPLATE}{' ' * (n % 9)}", gap=10.0)).findings]
    proposals = ["proposal=suspend" in finding.evidence for finding in found]

    assert not proposals[0]
    assert proposals[-1]
    assert "decide on a suspension" in found[-1].message


def test_the_standing_of_a_caller_is_told_without_counting_as_an_exchange() -> None:
    watch = ExtractionWatch()
    assert watch.standing("acme", "k1") is Step.NONE
    for one in empty_prefixes():
        look(watch, one)

    trace = watch.memory.trace("acme", "k1", 0.0)
    before = trace.number
    assert watch.standing("acme", "k1") in (Step.HARD, Step.ALERT)
    assert trace.number == before
    assert watch.standing("elsewhere", "k1") is Step.NONE


def test_no_single_tenant_shifts_what_is_ordinary() -> None:
    watch = ExtractionWatch()
    for n, text in enumerate(tasks(2_000)):
        watch.observe(read(facts(n, text)))

    assert 0.25 < watch.memory.baseline.task_share < 0.35


def test_where_tasks_are_ordinary_they_count_less() -> None:
    watch = ExtractionWatch()
    for tenant in range(40):
        for n, text in enumerate(tasks(40)):
            watch.observe(read(facts(n, text, gap=900.0) | {"tenant": f"t{tenant}"}))

    assert watch.memory.baseline.task_share > 0.5
    assert steps_of(facts(n, text) for n, text in enumerate(tasks(220)))[-1] is not Step.NONE
    assert watch.observe(read(facts(1_000, "Explain tides.")))[0].step is Step.NONE


def test_missing_facts_and_a_clock_that_runs_back_are_harmless() -> None:
    watch = ExtractionWatch()
    look(watch, facts(10, "hello"))

    assert look(watch, {"t": 5.0, "tenant": "acme", "key": "k1", "texts": ["hi"], "max_tokens": None}).findings == ()
    assert look(watch, {"texts": ["hi"]}).findings == ()


def test_it_is_installed_under_its_name() -> None:
    assert isinstance(open_detectors(["extraction-watch"])["extraction-watch"], ExtractionWatch)


FORMS = (
    "Ann{n} has {n} pens. She loses two of them. How many pens does Ann{n} have?",
    "Is the following sentence plausible? Player {n} scored in the final.",
    "Sort the following words: pear{n} apple fig",
    "Which town is larger than town {n}?\n(A) Ulm \n(B) Bonn \n",
    "If you follow these instructions, do you return? Take {n} steps. Turn left.",
)
TALK = "my neighbour asked me about the {} of house {} again"


def scattered(forms: int, *, every: int = 4, gap: float = 90.0) -> Iterator[Facts]:
    for n in range(120):
        said = FORMS[n // every % forms].format(n=n) if n % every == 0 else TALK.format(NOUNS[n % 12], n)
        yield facts(n, said, gap=gap)


def test_examination_questions_of_many_forms_one_here_and_one_there_are_seen() -> None:
    watch = ExtractionWatch()

    assert [f for one in scattered(5) for f in look(watch, one).findings]


@pytest.mark.parametrize(
    ("forms", "every", "gap"), [(2, 4, 90.0), (5, 20, 90.0), (5, 4, 1.0)], ids=["homework", "now and then", "a suite"]
)
def test_few_forms_or_few_questions_or_a_fast_suite_are_not(forms: int, every: int, gap: float) -> None:
    watch = ExtractionWatch()

    assert [f for one in scattered(forms, every=every, gap=gap) for f in look(watch, one).findings] == []
