"""Which licence a model name falls under."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import msgspec

FILES = ("mistral.json", "others.json")
LONGEST_NAME = 300

# What packagers append: number formats, quantisers, containers. Stripped from the end, again and again.
_PACKAGING = re.compile(
    r"[-_.](?:gguf|ggml|awq|gptq|exl[23]|mlx|onnx|bnb|nf4|hf|safetensors|marlin|imatrix|i1|eagle|unsloth|dynamic|quantized"
    r"|(?:nv|mx)?fp(?:4|8|16|32)|bf16|f16|f32|int[48]|[2-8](?:\.\d+)?bits?|[2-8](?:\.\d+)?bpw|w\dan?\d+(?:g\d+)?|g(?:32|64|128)"
    r"|i?q[1-8](?:-(?:k|[01]|xxs|xs|nl|s|m|l|xl))*|ud)$"
)
_SEPARATORS = re.compile(r"[\s_:@]+")
_DASHES = re.compile(r"-{2,}")


class _LicenceRow(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    name: str
    spdx: str
    url: str
    summary: str
    strictness: int
    obligations: tuple[str, ...] = ()
    notice_text: str = ""
    contact: str = ""
    outputs_are_research_only: bool = False
    grant: str = ""
    outputs_clause: str = ""


class _ModelRow(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    family: str
    id: str
    licence: str
    weights_open: bool
    repos: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    released: str = ""
    note: str = ""


class _PatternRow(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    match: str
    licence: str


class _File(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    compiled: str
    source: str
    licences: dict[str, _LicenceRow]
    models: tuple[_ModelRow, ...]
    patterns: tuple[_PatternRow, ...]
    aliases: dict[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """Facts about one licence, restated for software; its text always wins.

    Attributes:
        id: Name in the registry, e.g. `MRL-0.1`.
        spdx: SPDX identifier, or a `LicenseRef-` where SPDX has none.
        summary: Half a sentence: which uses it covers.
        strictness: 0 to 100, for picking the strictest of several.
        notice_text: Notice that must go with copies; empty when none is prescribed.
        outputs_are_research_only: Whether outputs may be used for research only.
        grant: Clause that grants what is covered, e.g. `MRL-0.1, section 2.1`.
        outputs_clause: Clause that leaves outputs free; empty where none says so.
    """

    id: str
    name: str
    spdx: str
    url: str
    summary: str
    strictness: int
    obligations: tuple[str, ...]
    notice_text: str
    contact: str
    outputs_are_research_only: bool
    grant: str
    outputs_clause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model of the registry.

    Attributes:
        id: Name of the row.
        licence: Id of its licence; empty when none was published.
        has_open_weights: Whether anybody can run it.
        repos: Repositories of its weights.
        names: Names under which APIs serve it.
        released: ISO date, or empty.
    """

    id: str
    family: str
    licence: str
    has_open_weights: bool
    repos: tuple[str, ...]
    names: tuple[str, ...]
    released: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a name was resolved to.

    Attributes:
        name: As it was asked for.
        model: The row; None when only the shape of the name told the licence.
        licence: None when the model is known and no licence was published for it.
        is_moving: Whether the name may mean another model, under another licence, tomorrow.
    """

    name: str
    model: Model | None
    licence: Licence | None
    is_moving: bool = False

    @property
    def title(self) -> str:
        """The model's name for a person."""
        return self.model.family if self.model else self.name


class Registry:
    """Models and licences, by name.

    Args:
        licences: By id.
        models: Rows, in file order.
        patterns: Expressions over tidied names, with the id of a licence; the first that matches counts.
        aliases: Short names that model runners use, with the id of a row.
        compiled: Newest ISO date at which facts were gathered.
    """

    def __init__(
        self,
        licences: Mapping[str, Licence],
        models: Sequence[Model],
        patterns: Sequence[tuple[re.Pattern[str], str]],
        aliases: Mapping[str, str],
        compiled: str,
    ) -> None:
        self.licences = licences
        self.models = models
        self.compiled = compiled
        self._patterns = patterns
        self._by_name: dict[str, list[Model]] = {}
        for model in models:
            for name in {tidy(n) for n in (*model.repos, *model.names, model.id)}:
                self._by_name.setdefault(name, []).append(model)
        by_id = {model.id: model for model in models}
        for name, row in aliases.items():
            self._by_name.setdefault(name, []).append(by_id[row])

    def resolve(self, name: str) -> Match | None:
        """Return what `name` falls under, or None when the registry does not know it."""
        if not name or len(name) > LONGEST_NAME:
            return None
        for tidied in _readings(name):
            if rows := self._by_name.get(tidied):
                model = self._pick(rows)
                return Match(name=name, model=model, licence=self.licences.get(model.licence), is_moving=_moves(tidied))
        bare = tidy(name)
        for pattern, licence in self._patterns:
            if pattern.search(bare):
                return Match(name=name, model=None, licence=self.licences[licence], is_moving=_moves(bare))
        return None

    def _pick(self, rows: Sequence[Model]) -> Model:
        """Return the row that binds: whoever runs a model holds weights, and of several the strictest counts."""
        held = [row for row in rows if row.has_open_weights] or list(rows)
        return max(held, key=lambda row: self.licences[row.licence].strictness if row.licence else 100)


def tidy(name: str) -> str:
    """Return the bare name of a model: lower case, without organisation, path and packaging."""
    bare = name.strip().lower().rstrip("/").rsplit("/", 1)[-1].removesuffix(":latest")
    bare = _DASHES.sub("-", _SEPARATORS.sub("-", bare)).strip("-.")
    while (shorter := _PACKAGING.sub("", bare)) and shorter != bare:
        bare = shorter
    return bare


def _readings(name: str) -> Iterable[str]:
    bare = tidy(name)
    yield bare
    if bare.endswith("-latest"):
        yield bare.removesuffix("-latest")
    if "." in bare:
        yield bare.replace(".", "-")


def _moves(bare: str) -> bool:
    return bare.endswith("-latest") or not any(c.isdigit() for c in bare)


@cache
def builtin_registry() -> Registry:
    """Return the registry that ships with Leeward."""
    folder = files("leeward.licences") / "data"
    read = [msgspec.json.decode((folder / name).read_bytes(), type=_File) for name in FILES]
    licences = {
        key: Licence(id=key, **msgspec.structs.asdict(row)) for file in read for key, row in file.licences.items()
    }
    models = [_model(row) for file in read for row in file.models]
    patterns = [(re.compile(row.match), row.licence) for file in read for row in file.patterns]
    aliases = {name: row for file in read for name, row in file.aliases.items()}
    return Registry(licences, models, patterns, aliases, max(file.compiled for file in read))


def _model(row: _ModelRow) -> Model:
    return Model(
        id=row.id,
        family=row.family,
        licence=row.licence,
        has_open_weights=row.weights_open,
        repos=row.repos,
        names=row.ids,
        released=row.released,
        note=row.note,
    )
