"""What every test shares."""

from hypothesis import settings

pytest_plugins: list[str] = []

# Timings on shared machines say nothing about correctness.
settings.register_profile("leeward", deadline=None)
settings.load_profile("leeward")
