"""Guard models behind a URL as judges: what to send each family, how to read its answer, and a small client."""
