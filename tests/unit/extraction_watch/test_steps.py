from __future__ import annotations

from leeward.domain.view import Stage, View
from leeward.extraction_watch.detector import ExtractionWatch
from leeward.extraction_watch.steps import KnownJob, KnownJobs, StepKind, StepsWaiting, StepTaken
from leeward.extraction_watch.weigh import Step

JOB = KnownJob(tenant="acme", key="k1", until=2_000.0, reason="agreed")


def probe(watch: ExtractionWatch, number: int, *, t: float, key: str = "k1") -> bool:
    """Send a probe of the logits; return whether it was held back."""
    facts = {"t": t, "tenant": "acme", "key": key, "texts": ["Say it."], "logprobs": True, "logit_bias": 2 * number + 2}
    return bool(watch.examine(View(text="", stage=Stage.TRAFFIC, facts={**facts, "max_tokens": 1})).findings)


def step(number: int) -> StepTaken:
    return StepTaken(at=float(number), tenant="acme", key="k1", kind=StepKind.SOFT)


def test_each_step_is_told_once() -> None:
    watch = ExtractionWatch()
    for n in range(60):
        probe(watch, n, t=1_000.0 + 20.0 * n)
    taken = watch.steps.take()
    own = [step.kind for step in taken if step.key]

    assert own == [StepKind.SOFT, StepKind.HARD, StepKind.ALERT]
    assert {step.hazard for step in taken} == {"extraction.logprobs"}
    assert all(any(e.startswith("biased_logits=") for e in step.evidence) for step in taken)
    assert watch.steps.take() == ()


def test_a_proposal_to_suspend_is_a_step() -> None:
    watch = ExtractionWatch()
    for n in range(200):
        probe(watch, n, t=1_000.0 + 30.0 * n)

    assert [s.kind for s in watch.steps.take() if s.key][-1] is StepKind.PROPOSAL


def test_hardening_is_told_once_with_what_changed() -> None:
    watch = ExtractionWatch()
    for n in range(30):
        probe(watch, n, t=1_000.0 + n)
    watch.steps.take()
    for _ in range(3):
        watch.note_hardened("acme", "k1", ["logit_bias: taken out, since it looks like it"])
    (taken,) = watch.steps.take()

    assert (taken.kind, taken.key, taken.evidence) == (StepKind.HARDENING, "k1", ("logit_bias: taken out",))


def test_nothing_is_hardened_for_a_caller_nobody_knows() -> None:
    watch = ExtractionWatch()
    watch.note_hardened("acme", "k1", ["x"])

    assert watch.steps.take() == ()


def test_a_known_job_is_watched_and_nothing_follows_until_its_last_day_is_over() -> None:
    watch = ExtractionWatch()
    watch.excuse(KnownJobs((JOB,)))
    held = [probe(watch, n, t=1_000.0 + n) for n in range(60)]
    trace = watch.memory.known("acme", "k1")

    assert not any(held)
    assert watch.standing("acme", "k1") is Step.NONE
    assert watch.steps.take() == ()
    assert trace is not None
    assert watch.thought_of("acme", "k1", trace).step is Step.ALERT
    assert probe(watch, 99, t=2_000.0)


def test_the_tenant_of_a_known_job_does_not_answer_for_it() -> None:
    watch = ExtractionWatch()
    watch.excuse(KnownJobs((JOB,)))
    for n in range(60):
        probe(watch, n, t=1_000.0 + n)

    assert watch.memory.known("acme") is None
    assert not probe(watch, 1, t=1_100.0, key="k2")


def test_a_job_without_a_key_stands_for_the_whole_tenant() -> None:
    jobs = KnownJobs((KnownJob(tenant="acme", key="", until=10.0, reason="agreed"),))

    assert jobs.find("acme", "any", 9.0) is not None
    assert jobs.find("acme", "any", 10.0) is None
    assert jobs.find("other", "any", 9.0) is None


def test_the_oldest_waiting_steps_give_way_and_are_counted() -> None:
    waiting = StepsWaiting()
    for n in range(1_002):
        waiting.add(step(n))
    taken = waiting.take()
    waiting.add(step(5_000))
    waiting.put_back(taken)

    assert (len(taken), taken[0].at) == (1_000, 2.0)
    assert waiting.lost == 3
    assert waiting.take()[-1].at == 5_000.0
