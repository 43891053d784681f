"""How two rulesets differ in what they would decide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from leeward.domain.rule import Condition, Rule, Ruleset
from leeward.domain.view import Stage


class Effect(StrEnum):
    """Which way a verdict may change."""

    ADDED = "added"
    REMOVED = "removed"
    STRICTER = "stricter"
    LOOSER = "looser"
    OTHER = "other"  # words and bookkeeping; no disposition changes


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Attributes:
        rule: Rule id.
        text: What it was and what it is, for a person.
    """

    rule: str
    effect: Effect
    text: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.effect.value}: {self.text}"


@dataclass(frozen=True, slots=True)
class _Watch:
    """What one condition does about one hazard in one stage."""

    detector: str
    hazard: str
    stage: Stage

    @property
    def words(self) -> str:
        return f"{self.detector} {self.hazard}"


def compare(old: Ruleset | None, new: Ruleset | None) -> tuple[Change, ...]:
    """Return the differences in rule order; None stands for a ruleset without rules."""
    before = {r.id: r for r in old.rules} if old else {}
    after = {r.id: r for r in new.rules} if new else {}
    changes: list[Change] = []
    for rule_id in dict.fromkeys((*before, *after)):
        was, is_ = before.get(rule_id), after.get(rule_id)
        if was and is_:
            changes.extend(_of_rule(was, is_))
        elif is_:
            changes.append(Change(rule_id, Effect.ADDED, f"{is_.name} → {is_.disposition.word}"))
        elif was:
            changes.append(Change(rule_id, Effect.REMOVED, f"{was.name} → {was.disposition.word}"))
    return tuple(changes)


def _of_rule(old: Rule, new: Rule) -> Iterator[Change]:
    yield from _graded(old, new)
    yield from _gained(old.id, "duties", old.duties, new.duties)
    yield from _gained(old.id, "stages", old.stages, new.stages)
    yield from _watching(old, new)
    for key in ("name", "trigger", "action", "clause", "pack"):
        if getattr(old, key) != getattr(new, key):
            yield Change(old.id, Effect.OTHER, f"{key} reads otherwise")


def _graded(old: Rule, new: Rule) -> Iterator[Change]:
    pairs: tuple[tuple[str, int, int, str, str], ...] = (
        ("disposition", old.disposition, new.disposition, old.disposition.word, new.disposition.word),
        ("on_failure", old.on_failure, new.on_failure, old.on_failure.word, new.on_failure.word),
        ("dry_run", not old.dry_run, not new.dry_run, _truth(old.dry_run), _truth(new.dry_run)),
        ("release", old.release == "at_end", new.release == "at_end", old.release.value, new.release.value),
        ("level", old.level, new.level, str(old.level), str(new.level)),
        (
            "level_on_repeat",
            old.level_on_repeat,
            new.level_on_repeat,
            str(old.level_on_repeat),
            str(new.level_on_repeat),
        ),
    )
    for key, was, is_, was_word, is_word in pairs:
        if was != is_:
            yield Change(old.id, Effect.STRICTER if is_ > was else Effect.LOOSER, f"{key} {was_word} → {is_word}")


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _gained(rule: str, key: str, old: frozenset[str], new: frozenset[str]) -> Iterator[Change]:
    if more := new - old:
        yield Change(rule, Effect.STRICTER, f"{key} + {', '.join(sorted(map(str, more)))}")
    if fewer := old - new:
        yield Change(rule, Effect.LOOSER, f"{key} - {', '.join(sorted(map(str, fewer)))}")


def _watching(old: Rule, new: Rule) -> Iterator[Change]:
    """Yield changes of conditions; the same change in several stages is told once."""
    was, is_ = _watches(old), _watches(new)
    told: dict[tuple[Effect, str], list[str]] = {}
    for watch in dict.fromkeys((*was, *is_)):
        for effect, text in _of_watch(watch, was.get(watch), is_.get(watch)):
            told.setdefault((effect, text), []).append(watch.stage.value)
    for (effect, text), stages in told.items():
        yield Change(old.id, effect, f"{text} (in {', '.join(stages)})")


def _watches(rule: Rule) -> dict[_Watch, tuple[Condition, ...]]:
    watches: dict[_Watch, tuple[Condition, ...]] = {}
    for stage in Stage:
        for condition in rule.asked_in(stage):
            for hazard in condition.hazards:
                watch = _Watch(condition.detector, hazard, stage)
                watches[watch] = (*watches.get(watch, ()), condition)
    return watches


def _of_watch(
    watch: _Watch, old: tuple[Condition, ...] | None, new: tuple[Condition, ...] | None
) -> Iterator[tuple[Effect, str]]:
    if not old:
        yield Effect.STRICTER, f"{watch.words} now fires the rule"
    elif not new:
        yield Effect.LOOSER, f"{watch.words} no longer fires the rule"
    else:
        languages = sorted({k for c in (*old, *new) for k in c.thresholds})
        for language in ("", *languages):
            yield from _of_threshold(watch, old, new, language)
        for key, was, is_ in (("dry_run", _dry(old), _dry(new)), ("counts", not _counts(old), not _counts(new))):
            if was != is_:
                shown = (was, is_) if key == "dry_run" else (not was, not is_)
                text = f"{watch.words}: {key} {_truth(shown[0])} → {_truth(shown[1])}"
                yield Effect.LOOSER if is_ else Effect.STRICTER, text


def _of_threshold(
    watch: _Watch, old: tuple[Condition, ...], new: tuple[Condition, ...], language: str
) -> Iterator[tuple[Effect, str]]:
    was, is_ = min(c.least(language) for c in old), min(c.least(language) for c in new)
    if was == is_:
        return
    if language and (was, is_) == (min(c.least("") for c in old), min(c.least("") for c in new)):
        return  # told with the other languages
    name = f"{watch.words} [{language}]" if language else watch.words
    yield Effect.STRICTER if is_ < was else Effect.LOOSER, f"{name}: threshold {was:g} → {is_:g}"


def _dry(conditions: tuple[Condition, ...]) -> bool:
    return all(c.dry_run for c in conditions)


def _counts(conditions: tuple[Condition, ...]) -> bool:
    return any(c.counts for c in conditions)
