"""What every test shares."""

from hypothesis import settings

pytest_plugins = ["services_fixtures"]

# Timings on shared machines say nothing about correctness.
settings.register_profile("leeward", deadline=None)
settings.load_profile("leeward")
