"""What every test shares."""

import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["services_fixtures"]

# Timings on shared machines say nothing about correctness.
# The same examples in every run, so that a run fails for what was changed and not by chance; "explore" draws new ones:
# python -m pytest --hypothesis-profile explore
settings.register_profile("leeward", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("leeward")


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Take back what a test made of the root logger: its streams are closed when the test is over."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
