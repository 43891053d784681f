"""Rows of a scan: what comes in and what goes out."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from leeward.errors import SettingsError

StageName = Literal["prompt", "instructions", "tool_result", "document", "reply", "code"]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One text to check; keys that are not named here are ignored.

    Attributes:
        id: Names the row in the output.
        text: What is checked; may be left out when there are messages.
        stage: Where in an exchange the text would stand.
        lang: Language as the file gives it; told by the text when left out.
        messages: A conversation as the chat API takes it, checked as a prompt before `text`, which is judged with it.
        code_language: For stage `code`.
    """

    id: str | int
    text: str = ""
    stage: StageName = "prompt"
    lang: str = ""
    messages: tuple[dict[str, object], ...] = ()
    code_language: str = ""


_DECODER = msgspec.json.Decoder(Row, strict=False)


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a JSON Lines file.

    Raises:
        SettingsError: If the file cannot be read, or a line is no row; names the line.
    """
    rows: list[Row] = []
    seen: set[str | int] = set()
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    row = _row(path, number, line)
                    if row.id in seen:
                        raise SettingsError(f"{path}:{number}: a row with id {row.id!r} came before")
                    seen.add(row.id)
                    rows.append(row)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    return rows


def _row(path: Path, number: int, line: bytes) -> Row:
    try:
        row = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path}:{number}: {error}", remedy='Each line is a JSON object with "id" and "text" or "messages".'
        ) from error
    if not row.text and not row.messages and "text" not in msgspec.json.decode(line):
        raise SettingsError(f"{path}:{number}: neither text nor messages")
    return row


class _Done(msgspec.Struct):
    id: str | int


def done_ids(path: Path) -> set[str | int]:
    """Return the ids in the output of an earlier, interrupted scan; a torn last line is cut off.

    Raises:
        SettingsError: If the file is no output of a scan.
    """
    if not path.exists():
        return set()
    done: set[str | int] = set()
    whole = 0
    decoder = msgspec.json.Decoder(_Done)
    with path.open("rb+") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            try:
                done.add(decoder.decode(line).id)
            except msgspec.DecodeError as error:
                raise SettingsError(
                    f"{path} is no output of a scan: {error}", remedy="Choose another --output, or --force."
                ) from error
            whole += len(line)
        file.truncate(whole)
    return done
