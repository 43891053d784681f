from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from leeward.licences.weights.tensor import ByteFile


@pytest.fixture
def open_file() -> Iterator[Callable[[Path], ByteFile]]:
    """Open files that are closed after the test."""
    with ExitStack() as stack:

        def opened(path: Path) -> ByteFile:
            file = ByteFile(path)
            stack.callback(file.close)
            return file

        yield opened
