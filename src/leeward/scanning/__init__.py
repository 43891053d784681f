"""Batch scans: many texts through the same inspection as the gateway's."""
