"""Detectors: view to findings; they do not decide."""
