"""Frozen values and ports; standard library only."""
