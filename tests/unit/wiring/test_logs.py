from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from leeward.wiring.logs import ALLOWED, configure


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """What went to standard error."""
    return lambda: capsys.readouterr().err


def read(told: str) -> dict[str, Any]:
    (only,) = told.splitlines()
    line: dict[str, Any] = json.loads(only)
    return line


def test_a_line_is_json_with_its_event_level_place_and_time(written: Callable[[], str]) -> None:
    configure("info", "json")
    logging.getLogger("leeward.x").warning("upstream_failed", extra={"kind": "timeout", "decision_id": "id"})
    text = written()
    told = read(text)

    assert told.pop("timestamp").endswith("Z")
    assert told == {
        "event": "upstream_failed", "level": "warning", "logger": "leeward.x", "kind": "timeout", "decision_id": "id",
    }  # fmt: skip


def test_what_is_not_allowed_is_dropped(written: Callable[[], str]) -> None:
    configure("info", "json")
    logging.getLogger("leeward").error("e", extra={"text": "secret", "prompt": "secret", "count": 3})

    text = written()

    assert read(text)["count"] == 3
    assert "secret" not in text
    assert not ALLOWED & {"text", "prompt", "reply", "message", "content", "body"}


def test_an_exception_is_told_by_type_and_place_alone(written: Callable[[], str]) -> None:
    configure("info", "json")
    try:
        raise ValueError("secret")
    except ValueError:
        logging.getLogger("leeward").exception("exchange_crashed")
    text = written()
    told = read(text)

    assert told["exception_type"] == "ValueError"
    assert told["where"].startswith("test_an_exception_is_told_by_type_and_place_alone:")
    assert "secret" not in text


def test_an_exception_that_was_never_raised_has_no_place(written: Callable[[], str]) -> None:
    configure("info", "json")
    logging.getLogger("leeward").error("exchange_crashed", exc_info=ValueError("secret"))

    told = read(written())

    assert (told["exception_type"], told["where"]) == ("ValueError", "")


@pytest.mark.parametrize(("level", "lines"), [("debug", 3), ("info", 2), ("error", 1)])
def test_only_so_much_is_told_as_the_operator_wants(written: Callable[[], str], level: str, lines: int) -> None:
    configure(level, "json")
    logger = logging.getLogger("leeward")
    logger.debug("a")
    logger.info("b")
    logger.error("c")
    logging.getLogger("asyncio").info("noise")

    assert len(written().splitlines()) == lines


def test_a_console_line_is_for_people(written: Callable[[], str]) -> None:
    configure("info", "console")
    logging.getLogger("leeward").info("serving", extra={"port": 8080})

    text = written()

    assert "serving" in text
    assert "port=8080" in text
    assert "\x1b" not in text
