"""A server that fails is left alone for a while, then one request tries; whole requests are counted."""

from __future__ import annotations

import pytest

from cds_service.access.breaker import Breaker, Resting


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(failures=3, rest_s=10, clock=clock)


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        with breaker.request() as tally:
            tally.failed = True


def answer(breaker: Breaker) -> None:
    with breaker.request() as tally:
        tally.answered = True


def is_refused(breaker: Breaker) -> bool:
    try:
        with breaker.request():
            return False
    except Resting:
        return True


def test_it_opens_at_the_third_failure_in_a_row_and_not_before(breaker: Breaker) -> None:
    fail(breaker, 2)
    assert breaker.state() == "closed"
    fail(breaker)
    assert (breaker.state(), is_refused(breaker)) == ("open", True)


def test_an_answer_in_between_begins_the_count_anew(breaker: Breaker) -> None:
    fail(breaker, 2)
    answer(breaker)
    fail(breaker, 2)
    assert breaker.state() == "closed"


def test_a_request_with_one_answer_among_its_failures_counts_as_answered(breaker: Breaker) -> None:
    for _ in range(5):
        with breaker.request() as tally:
            tally.answered = tally.failed = True
    assert breaker.state() == "closed"


def test_a_request_that_learnt_nothing_changes_nothing(breaker: Breaker) -> None:
    fail(breaker, 2)
    with breaker.request():
        pass
    assert breaker.state() == "closed"
    fail(breaker)
    assert breaker.state() == "open"


@pytest.mark.parametrize(("later", "refused"), [(9.9, True), (10, False)])
def test_it_rests_for_ten_seconds(breaker: Breaker, clock: Clock, later: float, refused: bool) -> None:
    fail(breaker, 3)
    clock.now += later
    assert is_refused(breaker) is refused


def test_then_one_request_tries_and_no_other(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 10
    assert breaker.state() == "half-open"
    with breaker.request() as tally:
        assert is_refused(breaker)
        tally.answered = True
    assert (breaker.state(), is_refused(breaker)) == ("closed", False)


def test_a_trial_that_fails_opens_it_again_at_once(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 10
    fail(breaker)
    assert (breaker.state(), is_refused(breaker)) == ("open", True)


def test_a_trial_that_learns_nothing_or_breaks_off_leaves_the_next_to_try(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 10
    with pytest.raises(ZeroDivisionError), breaker.request():
        raise ZeroDivisionError
    assert breaker.state() == "half-open"
    answer(breaker)
    assert breaker.state() == "closed"


def test_an_answer_to_a_request_that_began_before_does_not_close_it(breaker: Breaker) -> None:
    with breaker.request() as early:
        fail(breaker, 3)
        early.answered = True
    assert breaker.state() == "open"


@pytest.mark.parametrize(
    ("named", "later", "refused"), [(60, 59, True), (60, 60, False), (3600, 299, True), (3600, 300, False)]
)
def test_a_wait_that_the_server_names_is_kept_but_no_longer_than_five_minutes(
    breaker: Breaker, clock: Clock, named: float, later: float, refused: bool
) -> None:
    with breaker.request() as tally:
        tally.answered, tally.rest_s = True, named
    assert breaker.state() == "open"
    clock.now += later
    assert is_refused(breaker) is refused
