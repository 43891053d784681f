"""The exception tree; the type says whose fault it is."""

from __future__ import annotations


class LeewardError(Exception):
    """Base of every error that Leeward raises on purpose.

    ```
    LeewardError
    ├── WireError          the caller: a request that cannot be read
    ├── UpstreamError      the model server: refused, slow, cut off, unreadable
    ├── SettingsError      the operator: leeward.toml or the environment
    ├── RulesetError       the operator: a ruleset that fails a check
    ├── DetectorError      a detector that cannot be opened
    ├── CheckpointError    the operator: a file of a model that cannot be read
    ├── TransitionError    a reviewer: a step that the state does not allow
    └── StorageError       us: the store is full, locked, gone or too old
    ```

    Args:
        message: What happened, for a person.
        meaning: What it means for safety; empty when nothing.
        remedy: What to do next.
    """

    def __init__(self, message: str, *, meaning: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.meaning = meaning
        self.remedy = remedy

    def diagnostics(self) -> str:
        """Return what happened, what it means for safety, and what to do next."""
        return "\n".join(part for part in (self.message, self.meaning, self.remedy) if part)


class WireError(LeewardError):
    """The request cannot be served as it was written.

    Args:
        status: HTTP status to answer with, 400 to 499.
        code: Machine-readable reason, e.g. `invalid_json`.
        param: The part of the request at fault, e.g. `messages[0].content`.
    """

    def __init__(
        self, message: str, *, status: int = 400, code: str = "invalid_request", param: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param


class UpstreamError(LeewardError):
    """The model server did not give a usable reply.

    Args:
        kind: One of `refused`, `timeout`, `cut`, `garbage`, `status`, `no_route`.
        status: HTTP status that the model server answered with, when it did.
    """

    def __init__(self, message: str, *, kind: str, status: int | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status


class SettingsError(LeewardError):
    """The settings file or the environment cannot be used."""


class RulesetError(LeewardError):
    """A ruleset fails a check; the gateway does not start with it."""


class DetectorError(LeewardError):
    """A detector is unknown or cannot be opened."""


class CheckpointError(LeewardError):
    """A file of a model cannot be read: weights, or what lies beside them."""


class TransitionError(LeewardError):
    """The state does not allow this step."""


class StorageError(LeewardError):
    """The store could not do what was asked of it."""
