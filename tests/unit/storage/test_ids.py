from hypothesis import given
from hypothesis import strategies as st

from leeward.storage.ids import floor_id

TIMES = st.floats(min_value=0, max_value=2**37, allow_nan=False)


def test_the_floor_of_a_known_time_is_the_ulid_of_that_time() -> None:
    assert floor_id(1469918176.385) == "01ARYZ6S41" + "0" * 16


@given(TIMES, TIMES)
def test_floors_sort_as_their_times(one: float, other: float) -> None:
    assert (floor_id(one) <= floor_id(other)) == (int(one * 1000) <= int(other * 1000))


def test_times_before_the_epoch_have_the_least_id() -> None:
    assert floor_id(-1.0) == "0" * 26
