"""Families of guard models by the name that settings and benchmarks use."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from leeward.errors import SettingsError
from leeward.models.judges.family import Family, Form
from leeward.models.judges.granite_guardian import GraniteGuardian
from leeward.models.judges.llama_guard import LlamaGuard
from leeward.models.judges.moderation_apis import MistralModeration, OpenAIModeration
from leeward.models.judges.qwen3guard import Qwen3Guard
from leeward.models.judges.shieldgemma import ShieldGemma
from leeward.models.judges.shieldstral import Shieldstral

_CHAT: Final[tuple[Family, ...]] = (
    LlamaGuard("3"),
    LlamaGuard("4"),
    Qwen3Guard(),
    GraniteGuardian("3"),
    GraniteGuardian("3.3"),
    GraniteGuardian("4.1"),
    Shieldstral(),
    ShieldGemma(),
    MistralModeration(),
    OpenAIModeration(),
)
FAMILIES: Final[Mapping[str, Family]] = MappingProxyType({family.name: family for family in _CHAT})
_WRITTEN: Final[tuple[Family, ...]] = (
    LlamaGuard("3", "completion"),
    LlamaGuard("4", "completion"),
    Qwen3Guard("completion"),
    ShieldGemma("completion"),
)
WRITTEN: Final[Mapping[str, Family]] = MappingProxyType({family.name: family for family in _WRITTEN})


def family_called(name: str, form: Form = "chat") -> Family:
    """Return the family called `name`.

    Args:
        form: `chat` lets the server's template write the prompt; `completion` writes it here.

    Raises:
        SettingsError: If there is none, or none of this form.
    """
    known = FAMILIES if form == "chat" else WRITTEN
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near and name not in FAMILIES else ""
    what = "no family of guard models" if name not in FAMILIES else "no family with a completion form"
    raise SettingsError(f"{what} is called {name!r}{hint}", remedy=f"Name one of: {', '.join(known)}.")
