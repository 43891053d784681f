"""Codecs of everything that callers and model servers send: bytes to values and back."""
