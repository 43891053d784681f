"""leeward.toml and the environment, as one frozen tree."""
