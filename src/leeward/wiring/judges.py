"""Builds the judge that the settings name."""

from __future__ import annotations

import time
from collections.abc import Mapping

from leeward.config.tree import JudgeTable
from leeward.errors import SettingsError
from leeward.models.judges.budget import Budget
from leeward.models.judges.client import JudgeClient
from leeward.models.judges.families import family_called
from leeward.models.judges.judge import GuardJudge


def judge_of(table: JudgeTable, environment: Mapping[str, str]) -> GuardJudge | None:
    """Return the judge, None where none is set up.

    Args:
        environment: Variables; holds the server's key where `key_env` names one.

    Raises:
        SettingsError: If the key is missing or cannot be sent.
    """
    if not table.url:
        return None
    key = environment.get(table.key_env, "").strip() if table.key_env else ""
    if table.key_env and not key:
        raise SettingsError(
            f"[judge] key_env names {table.key_env}, which is not set",
            meaning="The judge would refuse every request.",
            remedy=f"Set {table.key_env} to the bare key, or take key_env away.",
        )
    return GuardJudge(
        family_called(table.family, table.form),
        JudgeClient(table.url, key=key, clock=time.monotonic),
        Budget(table.budget_per_minute, time.monotonic),
        clock=time.monotonic,
        model=table.model,
        timeout_seconds=table.timeout_ms / 1_000,
        band=table.band,
        on_failure=table.on_failure,
        max_chars=table.max_chars,
    )
