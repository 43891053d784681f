"""Machinery that runs trained models; numpy only."""
