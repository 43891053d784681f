"""Leeward: an honest safety gateway for Mistral and other open-weight language models."""

__version__ = "0.1.0"
