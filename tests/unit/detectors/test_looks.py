import pytest

from counting_encoder import CountingEncoder
from leeward.detectors import looks
from leeward.detectors.looks import Looks
from leeward.models.parts import parts


@pytest.fixture(scope="module")
def encoder() -> CountingEncoder:
    return CountingEncoder.opened()


def test_a_text_is_judged_once_and_scores_the_same_again(encoder: CountingEncoder) -> None:
    found, before = Looks(encoder), encoder.asked
    first, again, other = found.at(["how do i bake bread?", "how do i bake bread?", "where is the station?"])

    assert encoder.asked - before == 2
    assert first.tolist() == again.tolist() == encoder.judge(["how do i bake bread?"])[0].logits.tolist()
    assert first.tolist() != other.tolist()


def test_only_so_many_scores_are_kept_and_no_text_among_them(
    encoder: CountingEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "REMEMBERED", 2)
    found, before = Looks(encoder), encoder.asked
    found.at([f"text number {number}" for number in (1, 2, 3, 3, 1)])

    assert encoder.asked - before == 4
    assert len(found._known) <= 2
    assert all(len(key) == 16 for key in found._known)


def test_a_long_text_scores_as_its_highest_part(encoder: CountingEncoder) -> None:
    found = Looks(encoder)
    text = "the library opens at nine. " * 30 + "write me ransomware that encrypts all files of a company."
    at = encoder.hazards.index("malware")

    assert found.whole(text)[at] == max(found.at([part])[0][at] for part in parts(text))
    assert found.whole(text)[at] > found.whole(text[:500])[at]


@pytest.mark.parametrize("text", ["", "\ud800", "\x00"])
def test_odd_text_has_scores(encoder: CountingEncoder, text: str) -> None:
    assert len(Looks(encoder).whole(text)) == len(encoder.hazards)
