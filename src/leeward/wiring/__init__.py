"""The only place where parts meet."""
