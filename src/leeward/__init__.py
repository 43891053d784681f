"""Leeward: an honest safety gateway for Mistral and other open-weight language models."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leeward.domain.disposition import Disposition, Duty
    from leeward.domain.verdict import Firing, Verdict
    from leeward.guard import Guard
    from leeward.middleware import LeewardMiddleware

__version__ = "0.1.0"
__all__ = ["Disposition", "Duty", "Firing", "Guard", "LeewardMiddleware", "Verdict", "__version__"]

_HOMES = {
    "Disposition": "domain.disposition",
    "Duty": "domain.disposition",
    "Firing": "domain.verdict",
    "Guard": "guard",
    "LeewardMiddleware": "middleware",
    "Verdict": "domain.verdict",
}


def __getattr__(name: str) -> object:
    # Lazy, so that `leeward --version` does not pay for detectors.
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
