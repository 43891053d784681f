"""Rulesets and the inspectors that enforce them, swapped together."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from functools import cached_property
from pathlib import Path

from leeward.config.tree import InspectionTable, Rules
from leeward.detectors.patterns import InlinePatternDetector
from leeward.detectors.registry import known_infos, open_detectors
from leeward.domain.ports import Consults, Detector, Judges
from leeward.domain.rule import Ruleset
from leeward.domain.view import Stage
from leeward.errors import DetectorError, SettingsError
from leeward.extraction_watch.detector import ExtractionWatch
from leeward.extraction_watch.steps import KnownJobs
from leeward.extraction_watch.weigh import Step
from leeward.inspection.inspector import CallHandling, InspectionSettings, Inspector
from leeward.inspection.judge import Judge
from leeward.inspection.spotlight import Scheme, SpotlightPlan
from leeward.inspection.windows import WindowPlan
from leeward.licences.derivatives.restrictions import Restrictions
from leeward.licences.detector import LicenceRegistry
from leeward.licences.terms import NO_TERMS, Terms
from leeward.models.coverage import Coverage
from leeward.policy.book import RulesetBook
from leeward.policy.draft import LoadedRuleset
from leeward.policy.live import LiveRulesets, Swapped, read_book
from leeward.policy.problems import Refused
from leeward.policy.reading import Reader, Source

log = logging.getLogger("leeward.rules")

BUILTIN = "mistral-v1"
# Enforces nothing, to measure what the gateway itself costs; named so that nobody takes it for safe.
UNSAFE_ALLOW_ALL = "unsafe-allow-all"
COMBINED = "protocol-and-packs"
POLL_SECONDS = 1.0


def inspection_settings(table: InspectionTable) -> InspectionSettings:
    """Return how texts are cut.

    Raises:
        SettingsError: If the numbers do not fit each other.
    """
    try:
        windows = WindowPlan(
            stride_chars=table.stride_chars, reach_chars=table.reach_chars, size_chars=table.window_chars
        )
    except ValueError as error:
        raise SettingsError(f"[inspection] cannot be used: {error}") from error
    return InspectionSettings(
        reply_windows=windows,
        code_stride_chars=table.code_stride_chars,
        cache_entries=table.cache_entries,
        spotlight=SpotlightPlan(
            scheme=Scheme(table.spotlight),
            stages=frozenset(Stage(name) for name in table.spotlight_stages),
            flagged_only=table.spotlight_texts == "flagged",
        ),
        has_canary=table.canary,
        tool_calls=CallHandling(table.tool_calls),
    )


def sources_of(rules: Rules) -> tuple[list[Source], str]:
    """Return the ruleset files that the settings name, and the name of the default ruleset.

    Raises:
        SettingsError: If a file or the folder cannot be read.
    """
    sources = [_read(path) for path in _files(rules)]
    default = _name_of(sources[0]) if rules.use.endswith(".toml") else rules.use
    if rules.packs or rules.regions or rules.region_opt_in:
        sources.append(Source(name="[rules]", text=_combined(rules, default)))
        default = COMBINED
    return sources, default


def _combined(rules: Rules, base: str) -> str:
    """Return a ruleset that adds the packs and regions of the settings to `base`."""
    keys = {"extends": (base, *rules.packs), "regions": rules.regions, "region_opt_in": rules.region_opt_in}
    # JSON writes a list of strings as TOML does.
    lists = "".join(f"{key} = {json.dumps(words)}\n" for key, words in keys.items() if words)
    return f'name = "{COMBINED}"\nversion = "1.0.0"\n{lists}'


def _files(rules: Rules) -> list[Path]:
    files = [Path(rules.use)] if rules.use.endswith(".toml") else []
    if rules.directory:
        folder = Path(rules.directory)
        if not folder.is_dir():
            raise SettingsError(f"[rules] directory: {folder} is no folder")
        files += sorted(folder.glob("*.toml"))
    return files


def _read(path: Path) -> Source:
    try:
        return Source(name=str(path), text=path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"ruleset {path} cannot be read: {error}") from error


def _name_of(source: Source) -> str:
    name = Reader(source).tables().get("name")
    return name if isinstance(name, str) else source.name


class Rulesets:
    """The rulesets in use, each with an inspector; a reload swaps all of it at once or nothing.

    Args:
        rules: Which rulesets judge.
        settings: How texts are cut.
        threads: Where slow detectors run.
        cache_key: Secret of this process for digests of remembered texts.
        judges: Asked by detectors where they are unsure; None where no judge is set up.
        terms: What the operator has settled about licences.
        jobs: Jobs that the extraction watch lets pass.

    Raises:
        SettingsError: If a file cannot be read.
        RulesetError: If a ruleset fails a check.
        DetectorError: If a detector cannot be opened.
    """

    def __init__(
        self,
        rules: Rules,
        settings: InspectionSettings,
        threads: Executor,
        cache_key: bytes,
        judges: Judges | None = None,
        terms: Terms = NO_TERMS,
        jobs: KnownJobs | None = None,
    ) -> None:
        self._rules = rules
        self._settings = settings
        self._threads = threads
        self._cache_key = cache_key
        self._judges = judges
        self._terms = terms
        self._jobs = jobs or KnownJobs()
        self._known = known_infos()
        self._coverage = Coverage.load()
        self._detectors: dict[str, Detector] = {}
        book = self._read()
        if isinstance(book, Refused):
            raise book.error()
        self._inspectors = self._open(book)
        self._live = LiveRulesets(book)
        self._seen = self._stamps()

    @cached_property
    def moderation(self) -> Inspector:
        """Inspector that scores every hazard, also those of the usage policy; opened when first asked for."""
        name = "moderation"
        text = f'name = "{name}"\nversion = "1.0.0"\nextends = ["{BUILTIN}", "usage-policy"]\n'
        book = read_book([Source(name="[moderation]", text=text)], known=self._known, default=name)
        if isinstance(book, Refused):
            raise book.error()
        return self._open(book)[book.default.digest]

    def inspector_for(self, tenant: str, model: str, endpoint: str) -> Inspector:
        """Return the inspector of the ruleset that judges an exchange."""
        return self._inspectors[self._live.book.ruleset_for(tenant, model, endpoint).digest]

    def standing(self, tenant: str, key: str, /) -> Step:
        """Return how far the suspicion against a caller has gone; none where no ruleset watches traffic."""
        watch = self.extraction_watch
        return watch.standing(tenant, key) if watch is not None else Step.NONE

    def note_hardened(self, tenant: str, key: str, changes: Sequence[str], /) -> None:
        """Take note that requests of a caller are changed."""
        watch = self.extraction_watch
        if watch is not None:
            watch.note_hardened(tenant, key, changes)

    @property
    def extraction_watch(self) -> ExtractionWatch | None:
        """What watches traffic; None where no ruleset asks for it."""
        watch = self._detectors.get(ExtractionWatch.info.id)
        return watch if isinstance(watch, ExtractionWatch) else None

    def heed(self, restrictions: Restrictions) -> None:
        """Refuse the models that the registry of derivatives restricts, from the next exchange on, and no others."""
        licences = self._detectors.get(LicenceRegistry.info.id)
        if isinstance(licences, LicenceRegistry):
            licences.heed(restrictions)

    @property
    def rulesets(self) -> tuple[Ruleset, ...]:
        """Every ruleset that can judge."""
        return self._live.book.rulesets

    @property
    def default(self) -> Inspector:
        """The inspector of what no attachment covers."""
        return self._inspectors[self._live.book.default.digest]

    def reload(self) -> Swapped | Refused:
        """Read the files again; use them if they are sound, else change nothing and say why."""
        book = self._read()
        if isinstance(book, Refused):
            return book
        # Everything that can fail comes before the swap, and each ruleset in use has its inspector throughout.
        opened = self._open(book)
        inspectors = {**opened, **self._still_used(opened)}
        self._inspectors = {**self._inspectors, **inspectors}
        swapped = self._live.use(book)
        self._inspectors = inspectors
        return swapped

    def _read(self) -> RulesetBook | Refused:
        if self._rules.use == UNSAFE_ALLOW_ALL:
            log.warning("nothing_is_enforced", extra={"rulesets": [UNSAFE_ALLOW_ALL]})
            ruleset = Ruleset(UNSAFE_ALLOW_ALL, "1.0.0", f"sha256:{'0' * 64}", ())
            return RulesetBook({UNSAFE_ALLOW_ALL: LoadedRuleset(ruleset)}, UNSAFE_ALLOW_ALL)
        sources, default = sources_of(self._rules)
        return read_book(sources, known=self._known, default=default)

    async def watch(self) -> None:
        """Reload whenever a file changes; runs until cancelled."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            stamps = self._stamps()
            if stamps == self._seen:
                continue
            self._seen = stamps
            try:
                result = self.reload()
            except (SettingsError, DetectorError) as error:
                log.error("ruleset_refused", extra={"problems": [error.message]})
                continue
            match result:
                case Swapped(changes=changes):
                    log.info("ruleset_swapped", extra={"rulesets": sorted(changes)})
                case Refused(problems=problems):
                    log.error("ruleset_refused", extra={"problems": [str(problem) for problem in problems]})

    def _stamps(self) -> Mapping[Path, tuple[int, int]]:
        stamps = {}
        for path in _files(self._rules):
            try:
                stat = path.stat()
            except OSError:
                continue
            stamps[path] = (stat.st_mtime_ns, stat.st_size)
        return stamps

    def _open(self, book: RulesetBook) -> dict[str, Inspector]:
        inline = {patterns.id: patterns for patterns in book.patterns}
        wanted = [d for d in book.detectors if d not in self._detectors]
        fresh = open_detectors(d for d in wanted if d not in inline)
        for name in wanted:
            if name in inline:
                detector = InlinePatternDetector(inline[name])
                detector.open()
                fresh[name] = detector
        for opened in fresh.values():
            if self._judges is not None and isinstance(opened, Consults):
                opened.consult(self._judges)
            if isinstance(opened, LicenceRegistry):
                opened.settle(self._terms)
            if isinstance(opened, ExtractionWatch):
                opened.excuse(self._jobs)
        self._detectors = {**self._detectors, **fresh}
        return {ruleset.digest: self._inspector(ruleset) for ruleset in book.rulesets}

    def _inspector(self, ruleset: Ruleset) -> Inspector:
        judge = Judge(ruleset, self._detectors, self._threads, self._coverage)
        return Inspector(judge, self._settings, self._cache_key)

    def _still_used(self, wanted: Mapping[str, Inspector]) -> dict[str, Inspector]:
        """Keep inspectors whose ruleset did not change: they remember what they have judged."""
        return {digest: old for digest, old in self._inspectors.items() if digest in wanted}
