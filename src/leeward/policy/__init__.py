"""Rulesets, their checks, and the decision."""
