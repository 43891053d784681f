from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from leeward.wiring.clock import Chance, SystemClock, Ulids

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def milliseconds(ulid: str) -> int:
    value = 0
    for letter in ulid[:10]:
        value = value * 32 + ALPHABET.index(letter)
    return value


def test_the_clock_tells_the_time_of_the_machine() -> None:
    before, now, after = time.time(), SystemClock().now(), time.time()

    assert before <= now <= after


def test_an_id_is_a_ulid_of_its_time() -> None:
    before, ulid, after = time.time(), Ulids().new(), time.time()

    assert len(ulid) == 26
    assert set(ulid) <= set(ALPHABET)
    assert int(before * 1000) <= milliseconds(ulid) <= int(after * 1000)


def test_ids_are_sorted_by_time_also_within_a_millisecond() -> None:
    ids = Ulids()
    drawn = [ids.new() for _ in range(5_000)]

    assert drawn == sorted({*drawn})


def test_an_id_at_the_top_of_its_millisecond_is_followed_by_a_later_one() -> None:
    class Highest(Chance):
        def __call__(self, count: int, /) -> bytes:
            return b"\xff" * count

    ids = Ulids(Highest())
    drawn = [ids.new() for _ in range(50)]

    assert drawn == sorted({*drawn})


def test_threads_draw_ids_that_differ() -> None:
    ids = Ulids()
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(lambda _: ids.new(), range(2_000)))

    assert len({*drawn}) == 2_000


def test_chance_never_gives_the_same_bytes_twice() -> None:
    chance = Chance()
    drawn = [chance(16) for _ in range(2_000)]

    assert {len(some) for some in drawn} == {16}
    assert len({*drawn}) == 2_000
    assert len(chance(10_000)) == 10_000
