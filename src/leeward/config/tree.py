"""The settings tree."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

import msgspec

from leeward.errors import SettingsError
from leeward.extraction_watch.steps import KnownJob, KnownJobs
from leeward.gateway.settings import Answers, GatewaySettings, Hardening, Limits, OpaqueParts
from leeward.licences.contracts import WARN_DAYS
from leeward.licences.usage import UsageLimits
from leeward.licences.use import PURPOSES
from leeward.models.judges.client import Address
from leeward.models.judges.families import family_called


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of leeward.toml; unknown keys are refused."""


class Server(Section, frozen=True, kw_only=True):
    """Where the gateway listens.

    Attributes:
        public_url: Address under which callers reach it, for appeal links.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    public_url: str = ""


class UpstreamTable(Section, frozen=True, kw_only=True):
    """A model server.

    Attributes:
        url: Base address up to and including `/v1`.
        dialect: What it speaks; decides which fields are renamed or dropped.
        models: Globs of model names that go here.
        rename: Names that callers use, and what the server calls the model.
        api_key_env, api_key_file: Where its key is; the caller's own key never leaves unless `pass_through`.
        pass_through: Send the caller's Authorization header on.
        connect_seconds, first_byte_seconds, idle_seconds: Deadlines.
    """

    name: str
    url: str
    dialect: Literal["openai", "mistral", "vllm", "ollama", "llamacpp"] = "openai"
    models: tuple[str, ...] = ("*",)
    rename: dict[str, str] = msgspec.field(default_factory=dict)
    api_key_env: str = ""
    api_key_file: str = ""
    pass_through: bool = False
    connect_seconds: float = 5.0
    first_byte_seconds: float = 120.0
    idle_seconds: float = 60.0
    max_connections: int = 512


class Store(Section, frozen=True, kw_only=True):
    """Where records are kept.

    Attributes:
        url: `sqlite:///file` or `postgresql://…`.
        on_failure: What happens to an exchange whose record cannot be opened.
    """

    url: str = "sqlite:///leeward.db"
    on_failure: Literal["refuse", "serve"] = "refuse"


class EvidenceTable(Section, frozen=True, kw_only=True):
    """Text of exchanges that fired a rule.

    Attributes:
        keep: Whether any is kept.
        key_file: Key of the encryption; made on first use, readable by the owner alone.
        retention_days: How long text is kept.
    """

    keep: bool = True
    key_file: str = "leeward.evidence.key"
    retention_days: float = 30.0


class Rules(Section, frozen=True, kw_only=True):
    """Which rulesets judge.

    Attributes:
        use: Name of a built-in ruleset or path of a file, for every tenant without one of its own.
        packs: Further built-in packs, e.g. `usage-policy`.
        regions: Codes of regions whose law and culture count, e.g. `de`; see docs/regions.md.
        region_opt_in: Entries of regions that count only where they are named, e.g. `th.lese-majeste`.
        directory: Folder of tenants' rulesets; watched, so that a change acts within two seconds.
    """

    use: str = "mistral-v1"
    packs: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    region_opt_in: tuple[str, ...] = ()
    directory: str = ""


class InspectionTable(Section, frozen=True, kw_only=True):
    """How texts are cut; a stream holds back `reach_chars` to `reach_chars + stride_chars` characters.

    Attributes:
        spotlight: How untrusted text is marked as data; see docs/injection.md.
        spotlight_texts: Whether only texts are marked of which something was taken away, or all.
        spotlight_stages: Where texts are marked.
        canary: Whether a random word is put into system messages, by which a leak of them is known.
        tool_calls: What becomes of a tool call that carries what stood only in a flagged passage.
    """

    stride_chars: int = 256
    reach_chars: int = 128
    window_chars: int = 384
    code_stride_chars: int = 2_000
    cache_entries: int = 8_192
    spotlight: Literal["off", "delimiting", "datamarking", "encoding"] = "off"
    spotlight_texts: Literal["flagged", "all"] = "flagged"
    spotlight_stages: tuple[Literal["tool_result", "document", "prompt"], ...] = ("tool_result", "document")
    canary: bool = False
    tool_calls: Literal["off", "flag", "hold", "refuse"] = "hold"


class Tenant(Section, frozen=True, kw_only=True):
    """One tenant.

    Attributes:
        models: Globs of models that it may use.
        use: What it declares for licences, e.g. `{ actor_type = "company", purpose = "production" }`.
    """

    id: str
    models: tuple[str, ...] = ("*",)
    use: dict[str, str | int | bool] = msgspec.field(default_factory=dict)


class Entitlement(Section, frozen=True, kw_only=True):
    """A separate licence that a tenant holds from a licensor.

    Attributes:
        contract: Its number.
        models: Names or globs of models that it covers.
        purposes: Purposes that it covers; empty means every one.
        starts: First day, UTC; none when it has begun.
        expires: Last day, UTC, that day included; none when it has no end.
    """

    tenant: str
    contract: str
    models: tuple[str, ...] = ("*",)
    purposes: tuple[str, ...] = ()
    starts: date | None = None
    expires: date | None = None

    def __post_init__(self) -> None:
        if not self.contract.strip():
            raise ValueError("`contract` must be the number of the contract")
        if unknown := set(self.purposes) - set(PURPOSES):
            raise ValueError(f"`purposes` knows no {min(unknown)!r}; there is {', '.join(PURPOSES)}")
        if self.starts and self.expires and self.expires < self.starts:
            raise ValueError("`expires` lies before `starts`")


class Licences(Section, frozen=True, kw_only=True):
    """What the operator settles about licences of models.

    Attributes:
        unknown_models: `refuse` serves no model whose licence nobody knows; `serve` records and serves it.
        confirmed: Names or globs of models, each with the licence that a person has read or the model it was made from.
        warn_days: How long before its end an entitlement or declaration is warned about.
        notice_days: Time that a notice gives to put a derivative right, before the gateway refuses the model.
    """

    unknown_models: Literal["refuse", "serve"] = "refuse"
    confirmed: dict[str, str] = msgspec.field(default_factory=dict)
    warn_days: int = WARN_DAYS
    notice_days: float = 30.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.notice_days <= 3_650.0:
            raise ValueError("`notice_days` must lie between 0 and 3650")


class KnownJobTable(Section, frozen=True, kw_only=True):
    """A job that looks like model extraction and is not.

    Attributes:
        key: Public id of its key; empty stands for every key of the tenant.
        until: Last day, UTC, on which it is not slowed down.
        reason: Why, for whoever reads the settings next year.
    """

    tenant: str
    until: date
    reason: str
    key: str = ""

    def __post_init__(self) -> None:
        if not self.tenant or not self.reason.strip():
            raise ValueError("a known job names its `tenant` and a `reason`")

    def job(self) -> KnownJob:
        """Return the job, with the end of its last day in seconds since the epoch."""
        end = datetime.combine(self.until + timedelta(days=1), time(), UTC).timestamp()
        return KnownJob(tenant=self.tenant, key=self.key, until=end, reason=self.reason)


class JudgeTable(Section, frozen=True, kw_only=True):
    """A guard model that is asked where the classifiers are unsure.

    Attributes:
        url: Base address up to and including `/v1`; empty asks none.
        family: What the model is; decides what it is sent and how its answer is read.
        model: What the server calls it; empty takes the name it is published under.
        form: Whether the server's template writes the prompt, or we do.
        key_env: Variable that holds the server's key; empty sends none.
        timeout_ms: For one text, however many requests it takes.
        band: Scores of the classifier, both included, that are unsure.
        budget_per_minute: Requests a minute; 0 sets no limit.
        on_failure: `keep` lets the classifier's score stand and says so; `fail` counts as "could not look".
        max_chars: Longest text with its context that is sent.
    """

    url: str = ""
    family: str = ""
    model: str = ""
    form: Literal["chat", "completion"] = "chat"
    key_env: str = ""
    timeout_ms: int = 2_000
    band: tuple[float, float] = (0.3, 0.7)
    budget_per_minute: float = 600.0
    on_failure: Literal["keep", "fail"] = "keep"
    max_chars: int = 20_000

    def __post_init__(self) -> None:
        if not 0.0 <= self.band[0] < self.band[1] <= 1.0:
            raise ValueError("`band` must be two rising numbers from 0 to 1, e.g. [0.3, 0.7]")
        if not 1 <= self.timeout_ms <= 60_000:
            raise ValueError("`timeout_ms` must lie between 1 and 60000")
        if self.budget_per_minute < 0 or self.max_chars < 1:
            raise ValueError("`budget_per_minute` cannot be below 0, nor `max_chars` below 1")
        if not self.url:
            if self.family or self.model or self.key_env:
                raise ValueError("`url` is missing; without it no judge is asked")
            return
        try:
            Address.parse(self.url)
            family_called(self.family, self.form)
        except SettingsError as error:
            raise ValueError(f"{error.message}. {error.remedy}") from error


class Telemetry(Section, frozen=True, kw_only=True):
    """Logs and traces; neither ever carries text of an exchange."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    traces: bool = False


class Settings(Section, frozen=True, kw_only=True):
    """All of leeward.toml."""

    server: Server = Server()
    upstream: tuple[UpstreamTable, ...] = ()
    keys: Literal["auto", "required", "open"] = "auto"
    store: Store = Store()
    evidence: EvidenceTable = EvidenceTable()
    rules: Rules = Rules()
    inspection: InspectionTable = InspectionTable()
    answers: Answers = Answers()
    limits: Limits = Limits()
    opaque: OpaqueParts = OpaqueParts()
    extraction: Hardening = Hardening()
    known_job: tuple[KnownJobTable, ...] = ()
    tenant: tuple[Tenant, ...] = ()
    entitlement: tuple[Entitlement, ...] = ()
    licences: Licences = Licences()
    usage: UsageLimits = UsageLimits()
    judge: JudgeTable = JudgeTable()
    telemetry: Telemetry = Telemetry()
    demo: bool = False

    def known_jobs(self) -> KnownJobs:
        """Return the jobs that are watched without consequences."""
        return KnownJobs(tuple(table.job() for table in self.known_job))

    def gateway(self) -> GatewaySettings:
        """Return what the gateway is told."""
        return GatewaySettings(
            public_url=self.server.public_url.rstrip("/"),
            keys=self.keys,
            store_failure=self.store.on_failure,
            traces=self.telemetry.traces,
            limits=self.limits,
            answers=self.answers,
            opaque=self.opaque,
            extraction=self.extraction,
        )
