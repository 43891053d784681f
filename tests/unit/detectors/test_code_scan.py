import pytest

from leeward.detectors.code_scan import CodeScan
from leeward.domain.finding import NOTHING
from leeward.domain.view import Stage, View


@pytest.fixture
def detector() -> CodeScan:
    detector = CodeScan()
    detector.open()
    return detector


def test_a_finding_says_which_weakness_where_why_and_what_instead(detector: CodeScan) -> None:
    code = "import yaml\nconfig = yaml.load(text)\n"
    (finding,) = detector.examine(View(code, Stage.CODE, code_language="python")).findings

    assert finding.hazard == "CWE-502"
    assert finding.span is not None
    assert code[finding.span.start : finding.span.stop] == "config = yaml.load(text)"
    assert "rule:python-yaml-load" in finding.evidence
    assert finding.safe_alternative == "config = yaml.safe_load(text)"


def test_clean_code_gives_nothing(detector: CodeScan) -> None:
    assert detector.examine(View("x = 1\n", Stage.CODE, code_language="python")) is NOTHING


def test_message_and_evidence_do_not_quote_the_code(detector: CodeScan) -> None:
    code = 'import os\nos.system("canary81 " + canary82)\npassword = "canary83x"\n'
    findings = detector.examine(View(code, Stage.CODE, code_language="python")).findings

    assert findings
    assert all("canary" not in finding.message + "".join(finding.evidence) for finding in findings)
