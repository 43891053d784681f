"""Which model server serves which model."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from leeward.errors import SettingsError, UpstreamError, WireError
from leeward.gateway.upstream.client import UpstreamClient
from leeward.gateway.upstream.keys import Key, NoKey
from leeward.gateway.upstream.limits import Limits

Dialect: TypeAlias = Literal["mistral", "openai", "vllm", "ollama", "llamacpp"]

# Names come from callers; no model is called longer than this.
_LONGEST_NAME: Final = 256
_WILD: Final = frozenset("*?[")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """A model server.

    Args:
        name: For records, metrics and messages.
        base_url: Where it is; a trailing `/v1` may be there or not.
        dialect: What it speaks.
        models: Names that it serves, or globs of names.
        rename: What the server calls a model, by the name that callers use.
        key: Where its key comes from.
        limits: Times and sizes.
        ca_file: Certificates to trust instead of the system's; empty for those.
    """

    name: str
    base_url: str
    dialect: Dialect = "openai"
    models: tuple[str, ...] = ("*",)
    rename: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    key: Key = field(default_factory=NoKey)
    limits: Limits = field(default_factory=Limits)
    ca_file: str = ""

    def client(self) -> UpstreamClient:
        """Return a client for this server; make it inside the event loop that will use it.

        Raises:
            SettingsError: If the address or the certificates cannot be used.
        """
        return UpstreamClient(self.base_url, limits=self.limits, tls=self._tls())

    def _tls(self) -> ssl.SSLContext | None:
        if not self.ca_file:
            return None
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                f"upstream {self.name}: no certificate can be read from {self.ca_file} ({error.__class__.__name__})",
                remedy="Name a PEM file.",
            ) from error


class Router:
    """Finds the server for a model: by exact name first, then by the first glob that matches, in the order given.

    Args:
        upstreams: At least one; names and exact model names must differ.

    Raises:
        SettingsError: If there is none, or if two of them claim the same name.
    """

    def __init__(self, upstreams: Sequence[Upstream]) -> None:
        if not upstreams:
            raise SettingsError("no upstream is set", remedy="Name a model server with --upstream or in leeward.toml.")
        self.upstreams: Final = tuple(upstreams)
        self._exact: dict[str, tuple[Upstream, str]] = {}
        self._globs: list[tuple[str, Upstream]] = []
        names: set[str] = set()
        for upstream in self.upstreams:
            if upstream.name in names:
                raise SettingsError(f"two upstreams are called {upstream.name}", remedy="Give each a name of its own.")
            names.add(upstream.name)
            self._add(upstream)

    def route(self, model: str) -> tuple[Upstream, str]:
        """Return the server for `model`, and what that server calls it.

        Raises:
            UpstreamError: `no_route`, with a message for operators that lists what there is; `model_not_found` makes
                the answer for the caller.
        """
        found = self._exact.get(model)
        if found is not None:
            return found
        if 0 < len(model) <= _LONGEST_NAME:
            for glob, upstream in self._globs:
                if glob == "*" or fnmatchcase(model, glob):
                    return upstream, model
        there_is = "; ".join(f"{u.name}: {', '.join((*u.rename, *u.models))}" for u in self.upstreams)
        raise UpstreamError(
            f"no upstream serves the model {model[:_LONGEST_NAME]!r}; there is {there_is}", kind="no_route"
        )

    def _add(self, upstream: Upstream) -> None:
        plain = {name: name for name in upstream.models if _WILD.isdisjoint(name)}
        for name, theirs in {**plain, **upstream.rename}.items():
            if name in self._exact:
                other = self._exact[name][0].name
                raise SettingsError(
                    f"upstreams {other} and {upstream.name} both claim the model {name}",
                    remedy="Leave the name with one of them.",
                )
            self._exact[name] = (upstream, theirs)
        self._globs += [(glob, upstream) for glob in upstream.models if not _WILD.isdisjoint(glob)]


def model_not_found(model: str) -> WireError:
    """Return the answer for a caller who asks for a model that nobody serves; it tells nothing about what there is."""
    return WireError(
        f"The model `{model[:_LONGEST_NAME]}` does not exist or you do not have access to it.",
        status=404,
        code="model_not_found",
        param="model",
    )
