"""Who sends an exchange, by pseudonym."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sends an exchange.

    Attributes:
        tenant: Id of the tenant; `default` when no keys are configured.
        key: Public id of the virtual key, never the secret; empty when none was asked for.
        end_user: Keyed hash of the end user's id as the tenant sent it; empty when not sent.
        use: Declared use for licences, e.g. `{"actor_type": "company", "purpose": "production"}`.
    """

    tenant: str = "default"
    key: str = ""
    end_user: str = ""
    use: Mapping[str, str | int | bool] = field(default_factory=lambda: MappingProxyType({}))
