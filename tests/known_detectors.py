"""What detectors say of themselves, and fixed rules, for tests of rulesets that need no detector."""

from __future__ import annotations

from pathlib import Path

from leeward.domain.ports import DetectorInfo
from leeward.domain.view import Stage
from leeward.policy.reading import Source

_TEXT = (Stage.PROMPT, Stage.INSTRUCTIONS, Stage.TOOL_RESULT, Stage.DOCUMENT, Stage.REPLY)
_HARMS = "hate harassment violence self-harm distress child-exploitation malware stereotype licence.circumvention"
_POLICY = "sexual dangerous criminal health financial law"


def _info(name: str, hazards: str, *stages: Stage) -> DetectorInfo:
    return DetectorInfo(id=name, hazards=tuple(hazards.split()), stages=stages, reach_chars=400, budget_seconds=0.05)


KNOWN = {
    info.id: info
    for info in (
        _info("front-text", f"{_HARMS} injection misinformation {_POLICY}", *_TEXT),
        _info("cascade-text", f"{_HARMS} injection misinformation {_POLICY} refusal", *_TEXT),
        _info("text-patterns", _HARMS, *_TEXT),
        _info("minor-lexicon", "child-exploitation", *_TEXT),
        _info("injection", "injection.override injection.roleplay injection.indirect injection.encoded", *_TEXT),
        _info("instruction-leak", "injection.leak", Stage.REPLY),
        _info("tool-call-guard", "injection.tool_call", Stage.TOOL_CALL),
        _info("misinformation", "misinformation", Stage.REPLY),
        _info("code-scan", "CWE-*", Stage.CODE),
        _info("malware-code", "malware.code", Stage.REPLY, Stage.CODE),
        _info("image-hash", "image.known", Stage.IMAGE),
        _info("pii", "pii.*", *_TEXT),
        _info("regional-terms", "region.*", *_TEXT),
        _info(
            "licence-registry",
            "licence.forbidden licence.expired licence.undeclared licence.unknown licence.unknown-accepted "
            "licence.production-shaped licence.derivative",
            Stage.EXCHANGE,
        ),
        _info("extraction-watch", "extraction.volume extraction.enumeration", Stage.TRAFFIC),
    )
}

PROTOCOL = Source(
    name="mistral-v1",
    text=Path(__file__).with_name("protocol_fixture.toml").read_text("utf-8"),
    is_builtin=True,
)
