from __future__ import annotations

import json

import pytest

from leeward.extraction_watch.weigh import Step
from leeward.gateway.harden import NOBODY, harden_reply, harden_request, is_hardened
from leeward.gateway.settings import Hardening
from leeward.gateway.wire.body import Object
from leeward.gateway.wire.request import Request, parse


def chat(**more: object) -> Request:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **more}
    return parse("chat.completions", json.dumps(body).encode())


@pytest.mark.parametrize(
    ("at", "hardened"),
    [
        ("soft", {Step.SOFT, Step.HARD, Step.ALERT}),
        ("hard", {Step.HARD, Step.ALERT}),
        ("alert", {Step.ALERT}),
        ("never", set()),
    ],
)
def test_it_holds_from_the_step_that_the_settings_name(at: str, hardened: set[Step]) -> None:
    settings = Hardening(at=at)  # type: ignore[arg-type]

    assert {step for step in Step if is_hardened(step, settings)} == hardened


def test_log_probabilities_and_biases_are_taken_out_and_the_caller_is_told_why() -> None:
    request = chat(logprobs=True, top_logprobs=5, logit_bias={"7": 100}, temperature=0.0)
    changes = harden_request(request, Hardening())

    assert set(request.body) == {"model", "messages", "temperature"}
    assert request.body["temperature"] == 0.0
    assert [change.partition(":")[0] for change in changes] == ["logprobs", "logit_bias"]
    assert all("RULE-MIST-010" in change for change in changes)


def test_an_ordinary_request_of_a_suspect_is_not_changed() -> None:
    request = chat(logprobs=False)

    assert harden_request(request, Hardening()) == []


def test_responses_do_not_include_log_probabilities_either() -> None:
    raw = json.dumps(
        {"model": "m", "input": "hi", "top_logprobs": 3, "include": ["message.output_text.logprobs", "x"]}
    ).encode()
    request = parse("responses", raw)

    assert len(harden_request(request, Hardening())) == 1
    assert request.body["include"] == ["x"]
    assert "top_logprobs" not in request.body


@pytest.mark.parametrize(("asked", "sent"), [(0.0, 0.4), (0.4, 0.4), (1.0, 1.0)])
def test_the_temperature_is_raised_to_the_floor(asked: float, sent: float) -> None:
    request = chat(temperature=asked)
    changes = harden_request(request, Hardening(temperature_floor=0.4))

    assert request.body["temperature"] == sent
    assert bool(changes) == (asked < 0.4)


def test_a_request_without_temperature_keeps_the_default() -> None:
    request = chat()

    assert harden_request(request, Hardening(temperature_floor=0.5)) == []
    assert "temperature" not in request.body


def test_log_probabilities_are_rounded_wherever_they_stand() -> None:
    token = {"token": "a", "logprob": -0.123456, "bytes": [97], "top_logprobs": [{"token": "b", "logprob": -2.98}]}
    body: Object = {
        "choices": [{"logprobs": {"content": [token]}}, {"logprobs": None}],
        "output": [{"content": [{"type": "output_text", "logprobs": [{"token": "c", "logprob": -1.26}]}]}],
    }
    keep = Hardening(logprobs="round")

    assert len(harden_reply(body, keep)) == 1
    told = json.dumps(body)
    assert "-0.1," in told
    assert "-3.0" in told
    assert "-1.3" in told
    assert '"bytes": [97]' in told
    assert harden_reply({"choices": [{"logprobs": None}]}, keep) == []


def test_what_is_dropped_is_not_rounded_and_what_is_kept_stays() -> None:
    body: Object = {"choices": [{"logprobs": {"content": [{"logprob": -0.123}]}}]}
    request = chat(logprobs=True, logit_bias={"7": 1})

    assert harden_reply(body, Hardening()) == []
    assert harden_request(request, Hardening(logprobs="keep", logit_bias="keep")) == []
    assert request.body["logprobs"] is True


def test_a_floor_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Hardening(temperature_floor=1.5)


def test_nobody_is_suspected_where_nothing_watches() -> None:
    assert NOBODY.standing("acme", "k1") is Step.NONE
