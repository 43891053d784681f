"""Watches what a caller sends over time for signs of extracting or distilling the model."""
