"""Simulated traffic of attackers and of honest callers, to measure the watch with."""
