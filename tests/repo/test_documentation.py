"""The documentation is true: settings, commands, endpoints, metrics and links are those of the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_origin

import msgspec
import pytest
from cyclopts import App

from leeward.answers import LANGUAGES
from leeward.cli.main import app
from leeward.config.tree import Settings
from leeward.gateway import front
from leeward.gateway.telemetry import Metrics
from leeward.gateway.wire.request import ENDPOINTS

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for folder in ("", "docs", "docs/decisions", "examples", "benchmarks", "conformance", "training", "training/front")
    for page in (ROOT / folder).glob("*.md")
)
GATEWAY = (ROOT / "docs/gateway.md").read_text("utf-8")
CONFIGURATION = (ROOT / "docs/configuration.md").read_text("utf-8")
OBSERVABILITY = (ROOT / "docs/observability.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")

_ROW = re.compile(r"^\| `([a-z_]+)` \| (`.*?`|–) \|", re.MULTILINE)
_FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]\n]*\]\(([^)\s]+)\)")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


# Settings


def settings_of(struct: type[msgspec.Struct], table: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield table, key and default as TOML, as configuration.md writes them."""
    for field in msgspec.structs.fields(struct):
        inner = _struct_in(field.type)
        if inner is not None:
            heading = f"[[{field.name}]]" if get_origin(field.type) is tuple else f"[{field.name}]"
            yield from settings_of(inner, heading)
        else:
            yield table, field.name, _toml(field)


def _struct_in(kind: object) -> type[msgspec.Struct] | None:
    inner = get_args(kind)[0] if get_origin(kind) is tuple else kind
    return inner if isinstance(inner, type) and issubclass(inner, msgspec.Struct) else None


def _toml(field: msgspec.structs.FieldInfo) -> str:
    if field.default is not msgspec.NODEFAULT:
        value = field.default
    elif field.default_factory is not msgspec.NODEFAULT:
        value = field.default_factory()
    else:
        return "–"
    return "`{}`" if value == {} else f"`{msgspec.json.encode(value).decode()}`"


def documented_settings() -> set[tuple[str, str, str]]:
    found = set()
    for section in re.split(r"^## ", CONFIGURATION, flags=re.MULTILINE)[1:]:
        heading = section.splitlines()[0].strip()
        if heading == "Top level" or heading.startswith("`["):
            table = "" if heading == "Top level" else heading.strip("`")
            found |= {(table, key, default) for key, default in _ROW.findall(section)}
    return found


def test_documented_settings_are_exactly_the_settings_and_their_defaults() -> None:
    assert documented_settings() == set(settings_of(Settings))


def test_the_file_that_init_writes_names_every_setting() -> None:
    text = (ROOT / "src/leeward/config/leeward.example.toml").read_text("utf-8")
    keys = {key for _, key, _ in settings_of(Settings) if key != "demo"}

    assert {key for key in keys if not re.search(rf"\b{key} = ", text)} == set()


# Commands


def commands_of(parent: App, path: str) -> Iterator[str]:
    for name in parent:
        if name.startswith("-"):
            continue
        child = parent[name]
        inner = [n for n in child if not n.startswith("-")]
        if inner:
            yield from commands_of(child, f"{path} {name}")
        else:
            yield f"{path} {name}"


def test_every_command_is_documented_and_no_other() -> None:
    table = CONFIGURATION.partition("## Commands")[2]
    cells = re.findall(r"^\| (`leeward.*?) \|", table, re.MULTILINE)
    documented = {command for cell in cells for command in re.findall(r"`(.*?)`", cell)}

    assert documented == set(commands_of(app, "leeward"))


# Endpoints


def served_paths() -> set[str]:
    return {*front.EXCHANGES, *front._MODERATIONS, *front._PAGES, front._LITELLM, "/v1/models", "/v1/models/{id}"}


def test_every_endpoint_of_the_front_door_is_documented_and_no_other() -> None:
    documented = set(re.findall(r"^\| `(/[^`]*)` \| (?:GET|POST) \|", GATEWAY, re.MULTILINE))

    assert documented == served_paths() | {"/", "/desk"}


def test_every_inspected_endpoint_is_one_that_requests_can_be_read_for() -> None:
    assert {*front.EXCHANGES.values(), *(name for name, _ in front._MODERATIONS.values())} == set(ENDPOINTS)


def test_every_refused_place_is_documented() -> None:
    assert [place for place, _ in front._DENIED_BECAUSE if f"`{place}`" not in GATEWAY] == []


def test_the_readme_names_every_inspected_endpoint() -> None:
    assert [path for path in front.EXCHANGES if f"{path}`" not in README] == []


# Metrics and languages


def test_documented_metrics_are_exactly_the_metrics() -> None:
    counted = {f"{metric.name}_total" if metric.type == "counter" else metric.name for metric in Metrics().collect()}

    assert set(re.findall(r"^\| `(leeward_[a-z_]+)` \|", OBSERVABILITY, re.MULTILINE)) == counted


def test_every_answer_language_is_documented_and_no_other() -> None:
    said = (ROOT / "docs/languages.md").read_text("utf-8").partition("## What is said")[2].partition("\n\n")[2]
    paragraph = said.partition("\n\n")[2].partition("\n\n")[0]

    assert set(re.findall(r"`([a-z]{2,3})`", paragraph)) == set(LANGUAGES)


# Links and code


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> Iterator[str]:
    for link in _LINK.findall(_FENCED.sub("", page.read_text("utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors_of(target)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_in_pages_compiles(page: Path) -> None:
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        compile(block, name_of(page), "exec")


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for link in _LINK.findall(_FENCED.sub("", page.read_text("utf-8"))):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.exists():
                waiting.append(target)
    documents = set((ROOT / "docs").glob("*.md"))

    assert {name_of(page) for page in documents - reached} == set()


def test_decisions_are_numbered_without_gaps_and_say_what_would_change_them() -> None:
    pages = sorted((ROOT / "docs/decisions").glob("*.md"))

    assert [page.name[:4] for page in pages] == [f"{number:04d}" for number in range(1, len(pages) + 1)]
    assert [page.name for page in pages if "## What would change our mind" not in page.read_text("utf-8")] == []
