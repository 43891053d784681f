"""What a demo needs."""

from __future__ import annotations

import hashlib
import os

import pytest

from leeward.config.tree import Server, Settings, UpstreamTable
from leeward.detectors.image_hash import ImageHash
from leeward.domain.caller import Caller
from leeward.domain.view import Stage, View
from leeward.playground.model import NAME
from leeward.playground.picture import picture
from leeward.wiring.demo import BURST_KEY, DemoKeys, demo_upstream, is_scripted, picture_known

REAL = UpstreamTable(name="real", url="http://127.0.0.1:8000/v1")


class OneKey:
    """Knows one caller."""

    def caller_of(self, secret_hash: bytes) -> Caller | None:
        return Caller(tenant="a") if secret_hash == b"known" else None

    def is_empty(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:81/demo-model/v1"),
        ("0.0.0.0", "http://127.0.0.1:81/demo-model/v1"),
        ("::", "http://127.0.0.1:81/demo-model/v1"),
        ("::1", "http://[::1]:81/demo-model/v1"),
    ],
)
def test_the_scripted_model_is_asked_where_the_gateway_listens(host, url):
    assert demo_upstream(Server(host=host, port=81), is_alone=True).url == url


def test_beside_a_real_model_the_scripted_one_answers_to_its_own_name_only():
    assert demo_upstream(Server(), is_alone=True).models == ("*",)
    assert demo_upstream(Server(), is_alone=False).models == (NAME,)


def test_a_demo_beside_a_real_model_has_something_to_protect():
    assert is_scripted(Settings(demo=True))
    assert not is_scripted(Settings(demo=True, upstream=(REAL,)))
    assert not is_scripted(Settings(upstream=(REAL,)))


def test_the_key_of_the_burst_leads_to_a_tenant_of_its_own():
    keys = DemoKeys(OneKey())

    assert keys.caller_of(hashlib.sha256(BURST_KEY.encode()).digest()) == Caller(tenant="demo-burst")
    assert keys.caller_of(b"known") == Caller(tenant="a")
    assert keys.caller_of(b"unknown") is None
    assert not keys.is_empty()


def test_a_detector_that_is_opened_in_a_demo_knows_the_picture(monkeypatch):
    monkeypatch.delenv("LEEWARD_HASH_LISTS", raising=False)
    detector = ImageHash()

    with picture_known():
        detector.open()

    [finding] = detector.examine(View("", Stage.IMAGE, image=picture())).findings
    assert finding.hazard == "image.known"
    assert "LEEWARD_HASH_LISTS" not in os.environ


def test_lists_that_the_operator_named_stay(monkeypatch, tmp_path):
    monkeypatch.setenv("LEEWARD_HASH_LISTS", str(tmp_path))

    with picture_known():
        seen = os.environ["LEEWARD_HASH_LISTS"]

    assert seen == os.environ["LEEWARD_HASH_LISTS"] == str(tmp_path)
