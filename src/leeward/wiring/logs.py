"""Structured logs; they carry ids and codes, never text of an exchange."""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog

# What a log line may say beside its event. Anything else is dropped, so that no text of an exchange can slip in.
ALLOWED = frozenset(
    {"code", "count", "decision_id", "entry", "error", "host", "kind", "path", "port", "problems", "rulesets",
     "seconds", "status", "upstream", "workers", "demo", "exception_type", "where"}
)  # fmt: skip


def configure(level: str, form: Literal["json", "console"]) -> None:
    """Send all logs of the process to standard error, one line each."""
    shared: list[structlog.types.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(allow=ALLOWED),
        _only_the_type_of_exceptions,
    ]
    renderer = structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer(colors=False)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("asyncio", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _only_the_type_of_exceptions(
    _logger: object, _method: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    """An exception's text may quote the exchange that caused it; its type and place do not."""
    raised = event.pop("exc_info", None)
    error = raised[1] if isinstance(raised, tuple) else raised
    if isinstance(error, BaseException):
        event["exception_type"] = type(error).__name__
        event["where"] = _innermost(error)
    return event


def _innermost(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace is not None else ""
