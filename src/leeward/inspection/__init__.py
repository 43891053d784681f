"""The machine of one exchange; no I/O, no clock."""
