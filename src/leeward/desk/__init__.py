"""The desk: what was decided, for those who answer for it. It shows records and never text of an exchange."""
