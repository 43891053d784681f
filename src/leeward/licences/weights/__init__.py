"""Checkpoints read row by row: safetensors and GGUF, whole or quantised, never more than a block in memory."""
