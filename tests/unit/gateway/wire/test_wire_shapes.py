"""Errors, moderations, guardrails and model lists in the shapes that clients expect."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest
from mistralai.client.errors.httpvalidationerror import HTTPValidationErrorData
from mistralai.client.models import GuardrailConfig, ModerationResponse
from openai.types import Model, ModerationCreateResponse

from leeward.errors import UpstreamError, WireError
from leeward.gateway.wire.errors import error_body, guardrail_body, guardrail_failure_body
from leeward.gateway.wire.guardrails import evaluate, parse_guardrails, passed_results
from leeward.gateway.wire.models import filter_model, filter_models, model_list
from leeward.gateway.wire.moderation import (
    OPENAI_CATEGORIES,
    V1_CATEGORIES,
    V2_CATEGORIES,
    mistral_moderation,
    openai_moderation,
    v1_scores,
    v2_scores,
)

BLOCK: dict[str, Any] = {
    "block_on_error": True,
    "moderation_llm_v2": {
        "custom_category_thresholds": {"sexual": 0.1, "jailbreaking": 1, "pii": None},
        "ignore_other_categories": False,
        "action": "block",
    },
    "moderation_llm_v1": None,
}


class TestErrors:
    @pytest.mark.parametrize(
        ("status", "kind"),
        [(400, "invalid_request_error"), (401, "authentication_error"), (403, "invalid_request_error"),
         (429, "rate_limit_error"), (503, "server_error")],
    )  # fmt: skip
    def test_both_forms_say_the_same(self, status: int, kind: str) -> None:
        body = json.loads(error_body("No.", status=status, code="c", param="messages"))

        assert {"message": "No.", "type": kind, "param": "messages", "code": "c"} == body["error"]
        assert body["error"].items() <= body.items()

    def test_a_validation_error_names_the_place_for_mistrals_client(self) -> None:
        body = json.loads(error_body("No.", status=422, code="missing", param="messages[0].content"))

        assert body["detail"][0]["loc"] == ["body", "messages", 0, "content"]
        HTTPValidationErrorData.model_validate(body)

    def test_a_blocked_guardrail_has_mistrals_body(self) -> None:
        outcomes = evaluate(parse_guardrails([BLOCK]), {"sexual": 0.93}, {})
        body = json.loads(guardrail_body(outcomes, leeward={"decision_id": "01J"}))
        result = body["guardrails"]["results"]["moderation_llm_v2"]

        assert (body["error"]["message"], body["error"]["status"]) == ("Content blocked by guardrail", 403)
        assert result["decisions"]["sexual"] == {"threshold": 0.1, "score": 0.93, "violated": True}
        assert (
            result["model_name"],
            result["violated"],
            result["action"],
        ) == ("mistral-moderation-2603", True, "block")
        assert body["leeward"]["decision_id"] == "01J"

    def test_a_failed_guardrail_says_so(self) -> None:
        body = json.loads(guardrail_failure_body(parse_guardrails([BLOCK])))

        assert body["code"] == 3201
        assert body["guardrails"][0]["moderation_llm_v2"]["action"] == "block"


class TestGuardrails:
    def test_a_block_that_mistrals_client_writes_is_read(self) -> None:
        written = GuardrailConfig.model_validate(BLOCK).model_dump()

        (guardrail,) = parse_guardrails([written])

        (moderation,) = guardrail.moderations
        assert (
            guardrail.block_on_error, guardrail.blocks, moderation.threshold("sexual"),
            moderation.threshold("jailbreaking"), moderation.threshold("pii"),
        ) == (True, True, 0.1, 1.0, 0.5)  # fmt: skip

    @pytest.mark.parametrize(
        ("score", "threshold", "violated"), [(0.1, 0.1, True), (0.0999, 0.1, False), (1.0, 1, False), (0.0, 0, True)]
    )
    def test_a_threshold_is_the_least_score_that_violates_and_one_is_off(
        self, score: float, threshold: float, violated: bool
    ) -> None:
        block = {
            "moderation_llm_v2": {"custom_category_thresholds": {"pii": threshold}, "ignore_other_categories": True}
        }

        (outcome,) = evaluate(parse_guardrails([block]), {"pii": score, "sexual": 1.0}, {})

        assert [d.category for d in outcome.decisions] == ["pii"]
        assert violated is outcome.violated
        assert not outcome.is_blocked

    def test_only_an_action_of_block_blocks(self) -> None:
        outcomes = evaluate(
            parse_guardrails([BLOCK, {"moderation_llm_v1": {"action": "none"}}]), {"sexual": 0.2}, {"law": 0.9}
        )

        assert [o.is_blocked for o in outcomes] == [True, False]
        assert [next(iter(r.values()))["action"] for r in json.loads(json.dumps(passed_results(outcomes)))] == [
            "block",
            "none",
        ]

    @pytest.mark.parametrize(
        ("block", "param"),
        [
            ({}, "guardrails"),
            ([1], "guardrails[0]"),
            ([{"surprise": 1}], "guardrails[0].surprise"),
            ([{"moderation_llm_v2": {"action": "maybe"}}], "guardrails[0].moderation_llm_v2.action"),
            ([{"moderation_llm_v2": {"custom_category_thresholds": {"evil": 1}}}],
             "guardrails[0].moderation_llm_v2.custom_category_thresholds.evil"),
            ([{"moderation_llm_v1": {"custom_category_thresholds": {"jailbreaking": 1}}}],
             "guardrails[0].moderation_llm_v1.custom_category_thresholds.jailbreaking"),
            ([{"moderation_llm_v2": {"custom_category_thresholds": {"pii": 1.5}}}],
             "guardrails[0].moderation_llm_v2.custom_category_thresholds.pii"),
            ([{"moderation_llm_v2": {"custom_category_thresholds": {"pii": True}}}],
             "guardrails[0].moderation_llm_v2.custom_category_thresholds.pii"),
        ],
    )  # fmt: skip
    def test_a_block_that_could_be_misread_is_refused(self, block: Any, param: str) -> None:
        with pytest.raises(WireError) as caught:
            parse_guardrails(block)

        assert (422, param) == (caught.value.status, caught.value.param)


class TestModeration:
    HAZARDS: ClassVar = {"hate": 0.9, "pii.iban": 0.8, "child-exploitation": 0.7, "malware": 0.6, "CWE-89": 1.0}

    def test_hazards_raise_their_categories_to_the_highest_score(self) -> None:
        scores = v2_scores({**self.HAZARDS, "harassment": 0.95, "injection.override": 0.4})

        assert (
            scores["hate_and_discrimination"], scores["pii"], scores["sexual"], scores["dangerous"], scores["criminal"],
            scores["jailbreaking"],
        ) == (0.95, 0.8, 0.7, 0.6, 0.6, 0.4)  # fmt: skip
        assert v1_scores(self.HAZARDS)["dangerous_and_criminal_content"] == 0.6

    @pytest.mark.parametrize(
        ("model", "keys"), [("mistral-moderation-2603", V2_CATEGORIES), ("mistral-moderation-latest", V2_CATEGORIES),
                            ("mistral-moderation-2411", V1_CATEGORIES)],
    )  # fmt: skip
    def test_mistrals_shape_by_model_id(self, model: str, keys: tuple[str, ...]) -> None:
        value = json.loads(mistral_moderation([self.HAZARDS, {}], id="mod", model=model))

        ModerationResponse.model_validate(value)
        assert [list(keys)] * 2 == [list(r["category_scores"]) for r in value["results"]]
        assert [r["categories"]["pii"] for r in value["results"]] == [True, False]

    def test_openais_shape_flags_only_its_own_categories(self) -> None:
        value = json.loads(openai_moderation([self.HAZARDS, {"pii.iban": 1.0, "law": 1.0}], id="modr", model=""))

        flags = [r.flagged for r in ModerationCreateResponse.model_validate(value).results]
        assert flags == [True, False]
        assert list(OPENAI_CATEGORIES) == list(value["results"][0]["categories"])
        assert value["results"][0]["categories"]["sexual/minors"]
        assert value["results"][1]["leeward_category_scores"]["law"] == 1.0

    def test_thresholds_can_be_moved(self) -> None:
        value = json.loads(mistral_moderation([{"law": 0.6}], id="mod", model="", thresholds={"law": 0.7}))

        assert not value["results"][0]["categories"]["law"]


class TestModels:
    def test_models_and_aliases_that_are_not_allowed_are_hidden(self) -> None:
        cards = [{"id": "good", "object": "model", "aliases": ["good-latest", "bad"]}, {"id": "bad", "object": "model"}]
        shown = json.loads(filter_models(json.dumps({"object": "list", "data": cards}).encode(), lambda m: m != "bad"))

        assert shown["data"] == [{"id": "good", "object": "model", "aliases": ["good-latest"]}]

    def test_a_single_hidden_model_is_unknown(self) -> None:
        assert filter_model(b'{"id": "bad"}', lambda m: m != "bad") is None

    def test_a_list_of_our_own_loads_into_openais_client(self) -> None:
        cards = json.loads(model_list(["a"], created=1))["data"]

        assert [Model.model_validate(card).id for card in cards] == ["a"]

    def test_something_else_is_garbage(self) -> None:
        with pytest.raises(UpstreamError):
            filter_models(b'{"data": 1}', lambda _: True)
