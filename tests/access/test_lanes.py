"""Each server has its own places; what one holds up, no other waits for."""

from __future__ import annotations

import pytest

from cds_service.access.lanes import Crowded, Lanes

ONE, TWO, THREE = (("https", f"{name}.example.org", 443) for name in ("one", "two", "three"))


def test_so_many_requests_read_one_server_at_once_and_no_more() -> None:
    lanes = Lanes(threads=1, places=2)
    with lanes.visit(ONE), lanes.visit(ONE):
        with pytest.raises(Crowded), lanes.visit(ONE):
            pass
        with lanes.visit(TWO) as (lane, _):
            assert lane.pool.submit(lambda: 7).result(timeout=30) == 7
    with lanes.visit(ONE) as (lane, _):
        assert lane.visitors == 1
    lanes.close()


def test_a_server_keeps_its_breaker() -> None:
    lanes = Lanes(threads=1, places=1)
    with lanes.visit(ONE) as (first, _):
        pass
    with lanes.visit(ONE) as (again, _):
        assert again.breaker is first.breaker
    with lanes.visit(TWO) as (other, _):
        assert other.breaker is not first.breaker
    lanes.close()


def test_the_lane_that_was_not_used_for_longest_gives_way() -> None:
    lanes = Lanes(threads=1, places=1, limit=2)
    with lanes.visit(ONE) as (first, _), lanes.visit(TWO) as (second, _), pytest.raises(Crowded), lanes.visit(THREE):
        pass
    with lanes.visit(ONE), lanes.visit(THREE):
        pass
    with lanes.visit(ONE) as (kept, _):
        assert kept is first
    with lanes.visit(TWO) as (new, _):
        assert new is not second
    lanes.close()
