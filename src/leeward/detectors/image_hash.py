"""Finds images whose hash is on a list of known abuse material."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path
from typing import Final

import numpy as np

from leeward.detectors.images.hash_lists import KnownHashes, ListCount, read_folder
from leeward.detectors.images.near import Near, NearIndex
from leeward.detectors.images.pdq import LEAST_QUALITY, LIKENESS_BITS, WORDS, pdq
from leeward.domain.finding import NOTHING, Finding, Reading
from leeward.domain.ports import DetectorInfo, Placement
from leeward.domain.view import Stage, View

KNOWN: Final = "image.known"
SETTING: Final = "LEEWARD_HASH_LISTS"
# An image without features may come near to another by chance.
_LIKENESS_BITS_WHEN_PLAIN: Final = 12
_NO_HASHES: Final = KnownHashes((), {}, np.empty((0, WORDS), dtype=np.uint16), ())
_logger = logging.getLogger("leeward.detectors")


class ImageHash:
    """Finds known images: by MD5, SHA-1 and SHA-256 of the file, and by PDQ of each frame, turned and mirrored too.

    Without lists it compares with nothing and finds nothing; `lists` is then empty.

    Args:
        folder: Folder of hash lists; None takes the one that the environment variable `LEEWARD_HASH_LISTS` names.
    """

    info = DetectorInfo(
        id="image-hash",
        hazards=(KNOWN,),
        stages=(Stage.IMAGE,),
        reach_chars=1,
        budget_seconds=5.0,
        placement=Placement.THREAD,
    )

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._known = _NO_HASHES
        self._near = NearIndex(_NO_HASHES.pdq)

    @property
    def lists(self) -> tuple[ListCount, ...]:
        """What is compared with, by list."""
        return self._known.lists

    def open(self) -> None:
        """Read the lists.

        Raises:
            DetectorError: If a list cannot be read whole.
        """
        named = os.environ.get(SETTING, "")
        folder = self._folder or (Path(named) if named else None)
        self._known = read_folder(folder) if folder else _NO_HASHES
        self._near = NearIndex(self._known.pdq)
        if self.lists:
            total = len(self._known.exact) + len(self._near)
            _logger.info("images are compared with %d known hashes from %d lists", total, len(self.lists))
        else:
            # At this level the gateway says so at its start, and one-shot commands on text stay quiet.
            _logger.info("images are compared with 0 known hashes: name a folder of lists in %s", SETTING)

    @property
    def is_blind(self) -> bool:
        """Whether there is nothing to compare images with, so that looking at one tells nothing."""
        return not self.lists

    def examine(self, view: View) -> Reading:
        """Return whether the image is known.

        Raises:
            Unreadable: If it could not be looked at as a whole, and what was seen of it is not known.
        """
        found = self._exact(view.image) or self._alike(view.image)
        return Reading((found,)) if found else NOTHING

    def _exact(self, image: bytes) -> Finding | None:
        for kind in (hashlib.sha256, hashlib.sha1, hashlib.md5):
            digest = kind(image, usedforsecurity=False)
            number = self._known.exact.get(digest.digest())
            if number is not None:
                evidence = (f"list {self.lists[number].name}", digest.name)
                return Finding(hazard=KNOWN, confidence=1.0, message="The file is on a hash list.", evidence=evidence)
        return None

    def _alike(self, image: bytes) -> Finding | None:
        from leeward.detectors.images.decoding import frames  # Pillow costs 5 MB, and much traffic holds no images

        for luma in frames(image):
            hashed = pdq(luma)
            within = LIKENESS_BITS if hashed.quality >= LEAST_QUALITY else _LIKENESS_BITS_WHEN_PLAIN
            near = self._near.nearest(hashed.variants, within)
            if near is not None:
                return self._tell(near)
        return None

    def _tell(self, near: Near) -> Finding:
        name = self.lists[self._known.pdq_list[near.row]].name
        turned = ("turned or mirrored",) if near.variant else ()
        return Finding(
            hazard=KNOWN,
            confidence=_confidence(near.distance),
            message="The image is alike to one on a hash list.",
            evidence=(f"list {name}", f"PDQ distance {near.distance} of 256 bits", *turned),
        )


def _confidence(distance: int) -> float:
    """Return how surely two images this near are the same: 0.999 when equal, 0.9 at the limit of likeness."""
    return 0.999 - 0.099 * (distance / LIKENESS_BITS) ** 2
