from __future__ import annotations

import pytest

from leeward.config.tree import JudgeTable
from leeward.errors import SettingsError
from leeward.wiring.judges import judge_of


def test_without_a_url_there_is_no_judge() -> None:
    assert judge_of(JudgeTable(), {}) is None


def test_the_judge_is_what_the_settings_say() -> None:
    table = JudgeTable(url="http://127.0.0.1:9/v1", family="shieldstral", band=(0.2, 0.8), timeout_ms=1_500)
    judge = judge_of(table, {})

    assert judge is not None
    assert (judge.family.name, judge.timeout_seconds, judge.is_unsure(0.25)) == ("shieldstral", 1.5, True)


def test_a_key_that_is_named_and_not_set_keeps_the_gateway_from_starting() -> None:
    table = JudgeTable(url="https://api.mistral.ai/v1", family="mistral-moderation", key_env="MISTRAL_API_KEY")
    with pytest.raises(SettingsError, match="MISTRAL_API_KEY, which is not set") as refused:
        judge_of(table, {"MISTRAL_API_KEY": " "})

    assert "Set MISTRAL_API_KEY" in refused.value.remedy
    assert judge_of(table, {"MISTRAL_API_KEY": "key"}) is not None
