"""Lets tests import what makes the weights; `training/encoder` comes first, as some names stand in both folders."""

import sys
from pathlib import Path

TRAINING = Path(__file__).parents[3] / "training"
sys.path[:0] = [str(TRAINING / folder) for folder in ("encoder", "front", "")]
