from __future__ import annotations

from pathlib import Path

import pytest

from leeward.errors import SettingsError
from leeward.scanning.rows import Row, done_ids, read_rows


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "rows.jsonl"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_rows_are_read_in_order_and_unknown_keys_are_ignored(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '{"id": "a", "text": "x", "label": 1}\n\n{"id": 2, "text": "", "stage": "reply", "lang": "fr"}\n'
        '{"id": "c", "messages": [{"role": "user", "content": "y"}]}',
    )

    assert read_rows(path) == [
        Row(id="a", text="x"),
        Row(id=2, stage="reply", lang="fr"),
        Row(id="c", messages=({"role": "user", "content": "y"},)),
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "rows.jsonl:2: Input data was truncated"),
        ("[]", "rows.jsonl:2: Expected `object`"),
        ('{"text": "x"}', "rows.jsonl:2: Object missing required field `id`"),
        ('{"id": "b", "text": 5}', "rows.jsonl:2: Expected `str`"),
        ('{"id": "b", "text": "x", "stage": "image"}', "rows.jsonl:2: Invalid enum value 'image'"),
        ('{"id": "b"}', "rows.jsonl:2: neither text nor messages"),
        ('{"id": "a", "text": "x"}', "rows.jsonl:2: a row with id 'a' came before"),
    ],
)
def test_a_line_that_is_no_row_is_refused_with_its_number(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_rows(written(tmp_path, f'{{"id": "a", "text": "x"}}\n{line}\n'))

    assert told in refused.value.message


def test_bytes_that_are_no_text_are_refused_with_their_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"rows\.jsonl:1"):
        read_rows(written(tmp_path, b'{"id": "a", "text": "\xff"}\n'))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_rows(tmp_path / "none.jsonl")


def test_without_an_output_nothing_is_done(tmp_path: Path) -> None:
    assert done_ids(tmp_path / "none.jsonl") == set()


def test_what_is_written_is_done_and_a_torn_line_is_cut_off(tmp_path: Path) -> None:
    path = written(tmp_path, '{"id": "a", "disposition": "pass"}\n{"id": "b"}\n{"id": "c", "dispo')

    assert done_ids(path) == {"a", "b"}
    assert path.read_text() == '{"id": "a", "disposition": "pass"}\n{"id": "b"}\n'


def test_a_file_of_another_kind_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = written(tmp_path, "my diary\n")
    with pytest.raises(SettingsError, match="is no output of a scan") as refused:
        done_ids(path)

    assert "--force" in refused.value.remedy
    assert path.read_text() == "my diary\n"
