from __future__ import annotations

import json
from pathlib import Path

import pytest

from leeward.detectors.images.hash_lists import KnownHashes, read_folder
from leeward.detectors.images.pdq import to_hex
from leeward.errors import DetectorError

_PDQ = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
_OTHER = "30a10efd71cc3d429013d48d0ffffc52e34e0e17ada952a9d29685211ea9e5af"
_MD5, _SHA1, _SHA256 = "a" * 32, "b" * 40, "c" * 64


def _read(folder: Path, name: str, text: str) -> KnownHashes:
    (folder / name).write_text(text, encoding="utf-8")
    return read_folder(folder)


def _told(known: KnownHashes) -> tuple[set[str], set[str]]:
    return {to_hex(words) for words in known.pdq}, {digest.hex() for digest in known.exact}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("bare.txt", f"# a comment\n{_PDQ}\n\n{_OTHER}  # another\n{_MD5}\n"),
        ("named.hash", f"pdq:{_PDQ}\npdq:{_OTHER}\nmd5:{_MD5}\n"),
        ("hasher.csv", f"{_PDQ},100,a.jpg\n{_OTHER},72,b.jpg\n{_MD5}\n"),
        ("columns.csv", f"pdq,quality,md5\n{_PDQ},100,{_MD5}\n{_OTHER.upper()},,\n"),
        (
            "exchange.csv",
            f"id,signal_type,signal_value\n1,pdq,{_PDQ}\n2,HASH_PDQ,{_OTHER}\n3,HASH_MD5,{_MD5}\n",
        ),
        (
            "exchange.json",
            json.dumps(
                {
                    "data": [
                        {"id": "1", "indicator": {"indicator": _PDQ, "type": "HASH_PDQ"}, "status": "MALICIOUS"},
                        {"id": "2", "raw_indicator": _OTHER, "type": "HASH_PDQ"},
                        {"id": "3", "indicator": _MD5, "type": "HASH_MD5"},
                    ]
                }
            ),
        ),
        ("fingerprints.json", json.dumps([{"fingerprints": {"md5": _MD5, "pdq": _PDQ}}, {"pdq": _OTHER}])),
        ("bare.json", json.dumps([_PDQ, _OTHER, _MD5])),
        ("lines.jsonl", f'{{"pdq": "{_PDQ}"}}\n{{"hash": "{_OTHER}", "hash_type": "pdq"}}\n\n{{"md5": "{_MD5}"}}\n'),
        (
            "ncmec.xml",
            f"""<?xml version="1.0"?><queryResult xmlns="https://hashsharing.example/v2"><images count="2">
            <image><member id="1">x</member><fingerprints><md5>{_MD5}</md5><pdq>{_PDQ}</pdq></fingerprints></image>
            <image><fingerprints><pdq> {_OTHER} </pdq></fingerprints></image>
            <deletedImage><fingerprints><md5>{"d" * 32}</md5></fingerprints></deletedImage></images></queryResult>""",
        ),
    ],
)
def test_each_format_gives_its_hashes(tmp_path: Path, name: str, text: str) -> None:
    known = _read(tmp_path, name, text)

    assert ({_PDQ, _OTHER}, {_MD5}) == _told(known)
    assert dict(known.lists[0].hashes) == {"md5": 1, "pdq": 2}


def test_64_digits_are_sha256_where_the_name_of_the_file_says_so(tmp_path: Path) -> None:
    known = _read(tmp_path, "known.sha256.txt", _SHA256)

    assert (set(), {_SHA256}) == _told(known)


def test_sha1_and_sha256_are_read_by_name(tmp_path: Path) -> None:
    known = _read(tmp_path, "a.csv", f"sha1,sha256\n{_SHA1},{_SHA256}\n")

    assert (set(), {_SHA1, _SHA256}) == _told(known)


def test_pdq_hashes_of_low_quality_are_left_out_and_counted(tmp_path: Path) -> None:
    known = _read(tmp_path, "a.csv", f"hash,quality\n{_PDQ},100\n{_OTHER},49\n")

    assert ({_PDQ}, set()) == _told(known)
    assert known.lists[0].left_out == 1


def test_several_files_are_read_in_order_and_notes_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text(_PDQ)
    (tmp_path / "a.txt").write_text(_MD5)
    (tmp_path / "README.md").write_text("where these come from")
    (tmp_path / ".hidden").write_text("?")

    known = read_folder(tmp_path)

    assert [one.name for one in known.lists] == ["a.txt", "b.txt"]
    assert known.pdq_list == (1,)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.txt", f"{_PDQ}\n{_PDQ[:-1]}\n", "line 2: not a hash"),
        ("a.txt", f"pdq:{'z' * 64}", "line 1: a pdq hash has 64"),
        ("a.txt", f"photodna:{_MD5}", "hashes of this kind cannot be compared"),
        ("a.csv", f"pdq,quality\n{_PDQ},high\n", "line 2: the quality is not a number"),
        ("a.csv", f"md5\n{_MD5}\n{_SHA1}\n", "line 3: a md5 hash has 32"),
        ("a.json", "{", "a.json"),
        ("a.json", '"text"', "expected an object"),
        ("a.xml", "<a><md5>zz</md5></a>", "<md5>"),
        ("a.xml", "<a><md5>", "a.xml"),
        ("a.xml", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type"),
        ("a.pdf", "", "not a hash list"),
    ],
)
def test_a_list_that_cannot_be_read_whole_keeps_the_gateway_from_starting(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    with pytest.raises(DetectorError, match="does not start") as caught:
        _read_told(tmp_path, name, text)

    assert said in str(caught.value)


def _read_told(folder: Path, name: str, text: str) -> None:
    try:
        _read(folder, name, text)
    except DetectorError as error:
        raise DetectorError(error.diagnostics()) from error


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="does not exist"):
        read_folder(tmp_path / "none")
