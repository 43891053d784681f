"""Checks of a ruleset, one to a file, each named for what it makes sure of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from leeward.domain.ports import DetectorInfo
from leeward.policy.checks import (
    an_empty_ruleset_is_refused,
    attachments_name_somewhere,
    changed_rules_exist,
    detectors_are_known,
    every_firing_is_logged,
    every_rule_can_fire,
    every_rule_says_what_failure_means,
    every_rule_says_what_follows,
    every_rule_says_what_it_is,
    every_ruleset_has_a_name_and_a_version,
    hard_blocks_are_not_loosened,
    hard_blocks_fail_closed,
    hazards_are_known,
    ids_are_unique,
    levels_lie_in_range,
    patterns_compile,
    protocol_ids_are_reserved,
    protocol_rules_are_complete,
    regions_are_known,
    relaxing_is_allowed_and_explained,
    stages_fit_detectors,
    thresholds_lie_in_range,
    tightening_only_tightens,
    words_are_known,
)
from leeward.policy.draft import Draft
from leeward.policy.problems import Problem

Check: TypeAlias = Callable[[Draft, Mapping[str, DetectorInfo]], Iterator[Problem]]

CHECKS: tuple[Check, ...] = (
    an_empty_ruleset_is_refused.check,
    attachments_name_somewhere.check,
    changed_rules_exist.check,
    detectors_are_known.check,
    every_firing_is_logged.check,
    every_rule_can_fire.check,
    every_rule_says_what_failure_means.check,
    every_rule_says_what_follows.check,
    every_rule_says_what_it_is.check,
    every_ruleset_has_a_name_and_a_version.check,
    hard_blocks_are_not_loosened.check,
    hard_blocks_fail_closed.check,
    hazards_are_known.check,
    ids_are_unique.check,
    levels_lie_in_range.check,
    patterns_compile.check,
    protocol_ids_are_reserved.check,
    protocol_rules_are_complete.check,
    regions_are_known.check,
    relaxing_is_allowed_and_explained.check,
    stages_fit_detectors.check,
    thresholds_lie_in_range.check,
    tightening_only_tightens.check,
    words_are_known.check,
)
"""All of them run on every file, whatever the others find; none relies on another having passed."""
