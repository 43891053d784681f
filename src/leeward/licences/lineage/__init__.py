"""Where a model comes from: what it says, what it must say, and what its weights tell."""
