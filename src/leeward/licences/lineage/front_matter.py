"""The facts at the head of a model card."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

Facts: TypeAlias = dict[str, list[str]]

_KEY: Final = re.compile(r"([A-Za-z_][\w .-]*):(?:\s+(.*))?$")
_MOST_LINES = 2_000


def front_matter(text: str) -> tuple[Facts, str]:
    """Return the facts of a card by key, each as a list of texts, and the card without them.

    Model cards hold a small part of YAML: keys with a text, a list, or a folded text. What is nested deeper, anchors
    and tags of YAML are passed over, so that a hostile card has nothing to work with.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    if not lines or lines[0].strip() != "---":
        return {}, text
    end = next((at for at, line in enumerate(lines[1:_MOST_LINES], 1) if line.strip() in ("---", "...")), None)
    if end is None:
        return {}, text
    return _facts(lines[1:end]), "\n".join(lines[end + 1 :])


def _facts(lines: list[str]) -> Facts:
    facts: Facts = {}
    key = ""
    is_folded = False
    for line in lines:
        bare = line.strip()
        if not bare or (bare.startswith("#") and not is_folded):
            continue
        found = _KEY.match(line)
        if found:
            key, value = found[1].strip(), _plain(found[2] or "")
            is_folded = value in ("|", ">", "|-", ">-", "|+", ">+")
            facts[key] = [] if is_folded else _values(value)
        elif key and is_folded:
            facts[key] = [" ".join([*facts[key], bare])]
        elif key and bare.startswith("- ") and not _is_nested(line, facts[key]):
            facts[key] += _values(_plain(bare[2:]))
    return facts


def _is_nested(line: str, found: list[str]) -> bool:
    """Whether a list item lies deeper than those of a key; two spaces is how far people indent a list."""
    return len(line) - len(line.lstrip()) > 4 and bool(found)


def _values(value: str) -> list[str]:
    if value.startswith("[") and value.endswith("]"):
        return [part for item in value[1:-1].split(",") if (part := _unquoted(item.strip()))]
    return [part] if (part := _unquoted(value)) and part not in ("null", "~", "{}") else []


def _plain(value: str) -> str:
    """Return a value without the comment after it."""
    value = value.strip()
    if value[:1] in ("'", '"'):
        end = value.find(value[0], 1)
        return value[: end + 1] if end > 0 else value
    return re.split(r"\s#", value, maxsplit=1)[0].strip()


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in ("'", '"'):
        return value[1:-1]
    return value
