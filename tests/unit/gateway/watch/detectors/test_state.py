"""States go through JSON and come back; they are bounded; statistics are robust."""

from __future__ import annotations

from collections import deque

import orjson
from pyroaring import BitMap

from gateway.watch.detectors.state import freeze, make_room, median, spread, thaw, usual_top


def test_everything_a_detector_keeps_goes_through_json() -> None:
    state = {
        "bits": BitMap([1, 70_000]), "set": {"b", "a"}, "queue": deque([[1, "x"]], maxlen=3),
        "numbers": {3: {"$b": 1}, 5: []}, "plain": [1, 2.5, None, True, "客户"], "empty": {},
    }  # fmt: skip
    back = thaw(orjson.loads(orjson.dumps(freeze(state))))
    assert back == state
    assert back["queue"].maxlen == 3


def test_room_is_made_by_forgetting_the_oldest() -> None:
    full = dict.fromkeys(range(16), 0)
    make_room(full, 16)
    assert list(full) == list(range(2, 16))
    make_room(full, 16)
    assert len(full) == 14


def test_robust_statistics() -> None:
    assert (median([]), median([3]), median([1, 2, 100, 4])) == (0, 3, 3)
    assert spread([1, 2, 3, 4, 1000], 3) == 1.4826
    assert usual_top([]) == 0
    assert usual_top([*[10] * 26, 9999, 9999]) == 10
