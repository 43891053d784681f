"""A checked draft to a ruleset."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from leeward.domain.disposition import Disposition, Duty, Release
from leeward.domain.rule import Condition, Rule, Ruleset
from leeward.domain.view import Stage
from leeward.policy.canonical import digest_of
from leeward.policy.draft import DEFAULT, Draft, Limit, LoadedRuleset, RelaxTable, RuleDraft, TightenTable, WhenTable
from leeward.policy.inline import STAGES
from leeward.policy.protocol import PROTOCOL_PREFIX

_Choose = Callable[[float, float], float]


def build(draft: Draft) -> LoadedRuleset:
    """Return the ruleset that `draft` describes; the draft has passed every check."""
    name, version = draft.top.name or "", draft.top.version or ""
    inherited = (_changed(rule, draft.tighten, draft.relax) for rule in draft.base_rules.values())
    rules = (*inherited, *(_rule(r, name) for r in draft.rules))
    own = (inline for r in draft.rules if (inline := r.inline))
    patterns = tuple(dict.fromkeys((*(p for base in draft.bases for p in base.patterns), *own)))
    return LoadedRuleset(
        ruleset=Ruleset(name, version, digest_of(name, version, rules, patterns), rules),
        patterns=patterns,
        relaxed=_reasons(draft),
        attach=draft.attach,
        is_addition=draft.top.addition,
    )


def _reasons(draft: Draft) -> dict[str, str]:
    reasons = {rule: reason for base in draft.bases for rule, reason in base.relaxed.items()}
    for rule, table in draft.relax.items():
        reasons[rule] = "; ".join(part for part in (reasons.get(rule), table.reason) if part)
    return reasons


def _rule(draft: RuleDraft, ruleset: str) -> Rule:
    table = draft.table
    return Rule(
        id=table.id or "",
        name=table.name or "",
        trigger=table.trigger or "",
        action=table.action,
        clause=table.clause,
        stages=frozenset(Stage(s) for s in table.stages or ()),
        conditions=tuple(_conditions(draft)),
        disposition=Disposition.parse(table.disposition or ""),
        duties=frozenset(Duty(d) for d in table.duties or ()),
        level=table.level,
        level_on_repeat=table.level_on_repeat,
        on_failure=Disposition.parse(table.on_failure or ""),
        release=Release(table.release),
        dry_run=table.dry_run,
        pack="protocol" if (table.id or "").startswith(PROTOCOL_PREFIX) else ruleset,
    )


def _conditions(draft: RuleDraft) -> Iterator[Condition]:
    for when in draft.when:
        yield from _of_when(when)
    if (inline := draft.inline) and draft.patterns:
        yield Condition(
            detector=inline.id,
            hazards=(inline.hazard,),
            threshold=1.0,
            stages=STAGES.intersection(Stage(s) for s in draft.table.stages or ()),
            counts=draft.patterns.counts,
        )


def _of_when(when: WhenTable) -> Iterator[Condition]:
    """Yield one condition for all hazards that share their thresholds."""
    alike: dict[tuple[float, tuple[tuple[str, float], ...]], list[str]] = {}
    for hazard, limit in when.thresholds.items():
        overrides = by_language(limit)
        default = overrides.pop(DEFAULT)
        alike.setdefault((default, tuple(sorted(overrides.items()))), []).append(hazard)
    for (threshold, overrides_), hazards in alike.items():
        yield Condition(
            detector=when.detector or "",
            hazards=tuple(hazards),
            threshold=threshold,
            thresholds=dict(overrides_),
            stages=frozenset(Stage(s) for s in when.stages),
            counts=when.counts,
            dry_run=when.dry_run,
        )


def by_language(limit: Limit) -> dict[str, float]:
    """Return thresholds by language, the one for the rest under `default`; a fresh dict."""
    return {k: float(v) for k, v in limit.items()} if isinstance(limit, dict) else {DEFAULT: float(limit)}


def _changed(rule: Rule, tighten: Mapping[str, TightenTable], relax: Mapping[str, RelaxTable]) -> Rule:
    if table := tighten.get(rule.id):
        rule = tightened(rule, table)
    if looser := relax.get(rule.id):
        rule = _relaxed(rule, looser)
    return rule


def tightened(rule: Rule, table: TightenTable) -> Rule:
    """Return `rule` with what `table` makes stricter; what it does not name stays."""
    conditions: Iterable[Condition] = rule.conditions
    for detector, limits in table.thresholds.items():
        conditions = [c for old in conditions for c in _adjusted(old, detector, limits, min)]
    conditions = [c for old in conditions for c in _tried(old, table.enforce, dry_run=False)]
    return replace(
        rule,
        disposition=Disposition.parse(table.disposition) if table.disposition else rule.disposition,
        duties=rule.duties | {Duty(d) for d in table.duties},
        level=table.level or rule.level,
        level_on_repeat=max(table.level_on_repeat or rule.level_on_repeat, table.level or 1),
        on_failure=Disposition.parse(table.on_failure) if table.on_failure else rule.on_failure,
        release=Release(table.release) if table.release else rule.release,
        conditions=tuple(conditions),
    )


def _relaxed(rule: Rule, table: RelaxTable) -> Rule:
    conditions: Iterable[Condition] = rule.conditions
    for detector, limits in table.thresholds.items():
        conditions = [c for old in conditions for c in _adjusted(old, detector, limits, max)]
    if table.hazards:
        conditions = [c for old in conditions for c in _tried(old, table.hazards, dry_run=True)]
    is_dry = rule.dry_run or (table.dry_run and not table.hazards)
    return replace(rule, conditions=tuple(conditions), dry_run=is_dry)


def _adjusted(condition: Condition, detector: str, limits: Mapping[str, Limit], choose: _Choose) -> Iterator[Condition]:
    """Yield `condition` without the hazards in `limits`, then one condition for each of those."""
    wanted = {h: limit for h, limit in limits.items() if condition.detector == detector and condition.matches(h)}
    rest = tuple(h for h in condition.hazards if h not in wanted)
    if rest:
        yield condition if not wanted else replace(condition, hazards=rest)
    for hazard, limit in wanted.items():
        given = by_language(limit)
        default = given.pop(DEFAULT, None)
        kept = {k: v if default is None else choose(v, default) for k, v in condition.thresholds.items()}
        given = {k: choose(condition.least(k), v) for k, v in given.items()}
        yield replace(
            condition,
            hazards=(hazard,),
            threshold=condition.threshold if default is None else choose(condition.threshold, default),
            thresholds={**kept, **given},
        )


def _tried(condition: Condition, hazards: tuple[str, ...], *, dry_run: bool) -> Iterator[Condition]:
    """Yield `condition` without `hazards`, then one in which they are in a dry run, or no longer are."""
    chosen = tuple(h for h in condition.hazards if h in hazards)
    rest = tuple(h for h in condition.hazards if h not in hazards)
    if rest:
        yield condition if not chosen else replace(condition, hazards=rest)
    if chosen:
        yield replace(condition, hazards=chosen, dry_run=dry_run)
