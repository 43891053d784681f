from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from leeward.detectors import registry
from leeward.detectors.registry import known_infos, open_detectors
from leeward.domain.view import Stage, View
from leeward.errors import DetectorError


@pytest.fixture
def plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a further distribution with good and bad entry points."""
    (tmp_path / "plugged_detectors.py").write_text(
        "from leeward.domain.finding import NOTHING\n"
        "from leeward.domain.ports import DetectorInfo\n"
        "class Good:\n"
        "    info = DetectorInfo(id='plugged', hazards=('x',), stages=(), reach_chars=1, budget_seconds=1)\n"
        "    is_open = False\n"
        "    def open(self):\n"
        "        self.is_open = True\n"
        "    def examine(self, view):\n"
        "        return NOTHING\n"
    )
    info = tmp_path / "plugged-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[{registry.GROUP}]\n"
        "plugged = plugged_detectors:Good\n"
        "misnamed = plugged_detectors:Good\n"
        "gone = no_such_module:Thing\n"
        "renamed = plugged_detectors:Missing\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    registry._entries.cache_clear()
    yield
    registry._entries.cache_clear()
    sys.modules.pop("plugged_detectors", None)


def test_every_installed_detector_says_what_it_is() -> None:
    infos = known_infos()

    assert set(infos) == {entry.name for entry in entry_points(group="leeward.detectors")}
    assert all(info.id == name and info.hazards for name, info in infos.items())


def test_only_the_detectors_asked_for_are_opened_and_they_are_ready() -> None:
    opened = open_detectors(["pii"])

    assert list(opened) == ["pii"]
    assert opened["pii"].examine(View("nothing here", Stage.PROMPT)).findings == ()


def test_an_unknown_detector_is_refused_with_the_nearest_name_and_what_it_means() -> None:
    with pytest.raises(DetectorError, match="did you mean 'injection'") as refused:
        open_detectors(["injektion"])

    assert "does not start" in refused.value.diagnostics()
    assert "code-scan" in refused.value.remedy


def test_a_name_like_no_other_is_refused_without_a_guess() -> None:
    with pytest.raises(DetectorError, match=r"no detector is called 'qqqq'$"):
        open_detectors(["qqqq"])


@pytest.mark.usefixtures("plug_in")
def test_a_detector_of_another_package_is_found_and_opened() -> None:
    assert vars(open_detectors(["plugged"])["plugged"]) == {"is_open": True}


@pytest.mark.usefixtures("plug_in")
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("gone", "cannot be loaded: No module named"),
        ("renamed", "cannot be loaded: .*Missing"),
        ("misnamed", "calls itself 'plugged'; the two must agree"),
    ],
)
def test_a_detector_that_cannot_be_trusted_to_be_itself_is_refused(name: str, told: str) -> None:
    with pytest.raises(DetectorError, match=told):
        open_detectors([name])
    with pytest.raises(DetectorError):
        known_infos()
