"""`leeward init`: a commented settings file."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from rich.console import Console

from leeward.errors import SettingsError


def init(*, output: Path = Path("leeward.toml"), force: bool = False) -> None:
    """Write a commented leeward.toml to start from.

    Args:
        output: Where to write it.
        force: Overwrite a file that is already there.
    """
    text = files("leeward.config").joinpath("leeward.example.toml").read_text("utf-8")
    try:
        with output.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise SettingsError(f"{output} already exists", remedy="Choose another --output, or --force.") from error
    except OSError as error:
        raise SettingsError(f"{output} cannot be written: {error}") from error
    Console(highlight=False).print(f"Wrote {output}. Next: leeward serve --config {output}")
