import pytest

from leeward.gateway.upstream.limits import Limits, Retries


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_connections": 0},
        {"connect_seconds": -1.0},
        {"head_bytes": 0},
        {"low_water_bytes": 10, "high_water_bytes": 10},
        {"max_waiting": -1},
    ],
)
def test_limits_that_limit_nothing_do_not_exist(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="limits:"):
        Limits(**wrong)


@pytest.mark.parametrize(
    "wrong", [{"times": -1}, {"first_wait_seconds": -0.1}, {"statuses": frozenset({404})}, {"statuses": {200}}]
)
def test_only_replies_that_mean_not_now_can_be_retried(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="retries:"):
        Retries(**wrong)
