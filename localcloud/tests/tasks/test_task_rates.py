"""The pure rules of how fast a queue may dispatch."""

from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.tasks.rates import Hold, Lane, TokenBucket


def a_lane(*, per_second: float = 2.0, burst: int = 3, max_concurrent: int = 100, now_s: float = 1000.0) -> Lane:
    return Lane(TokenBucket(per_second, burst, float(burst), now_s), max_concurrent)


def dispatch_all_allowed(lane: Lane, now_s: float) -> tuple[Lane, int]:
    count = 0
    while lane.wait_s(now_s) == 0:
        lane, count = lane.dispatched(now_s), count + 1
    return lane, count


def test_burst_goes_at_once_and_the_next_task_waits_for_a_token_when_the_bucket_is_full() -> None:
    lane, sent = dispatch_all_allowed(a_lane(per_second=2, burst=3), 1000)

    assert sent == 3
    assert lane.wait_s(1000) == 0.5


def test_idle_queue_saved_no_more_than_a_burst_when_it_has_waited_for_long() -> None:
    assert dispatch_all_allowed(a_lane(per_second=2, burst=3), 100_000)[1] == 3


@settings(deadline=None)  # a busy machine is no reason to fail
@given(st.floats(0.1, 50), st.integers(1, 50), st.lists(st.floats(0, 5), min_size=1, max_size=10))
def test_dispatches_stay_within_burst_plus_rate_when_every_allowed_one_is_made(
    per_second: float, burst: int, pauses_s: list[float]
) -> None:
    lane, now_s, sent = a_lane(per_second=per_second, burst=burst, max_concurrent=10**9, now_s=0), 0.0, 0
    for pause_s in pauses_s:
        now_s += pause_s
        lane, more = dispatch_all_allowed(lane, now_s)
        sent += more

    assert sent <= burst + per_second * now_s + 1e-6


@settings(deadline=None)
@given(st.floats(0.1, 500), st.integers(1, 500))
def test_a_dispatch_is_allowed_when_its_own_wait_has_passed(per_second: float, burst: int) -> None:
    lane, _ = dispatch_all_allowed(a_lane(per_second=per_second, burst=burst, max_concurrent=10**9), 1000)
    wait_s = lane.wait_s(1000)
    assert wait_s is not None

    assert lane.wait_s(1000 + wait_s + 1e-6) == 0


def test_only_a_finish_opens_it_when_everything_is_under_way() -> None:
    lane, sent = dispatch_all_allowed(a_lane(max_concurrent=2), 1000)

    assert sent == 2
    assert lane.wait_s(5000) is None
    assert lane.finished().wait_s(5000) == 0


def test_saved_tokens_are_cut_when_the_queue_gets_a_smaller_bucket() -> None:
    lane = a_lane(per_second=100, burst=100).reconfigured(per_second=1, burst=1, max_concurrent=10, now_s=1000)

    assert dispatch_all_allowed(lane, 1000)[1] == 1


def test_reconfiguring_gives_no_tokens_when_nothing_changed() -> None:
    empty, _ = dispatch_all_allowed(a_lane(per_second=1, burst=3), 1000)

    assert empty.reconfigured(per_second=1, burst=3, max_concurrent=100, now_s=1000).wait_s(1000) == 1


def struck(hold: Hold, *, sent_s: float, now_s: float, asked_s: float = 0) -> Hold:
    return hold.struck(sent_s=sent_s, now_s=now_s, shortest_s=2, longest_s=100, asked_s=asked_s)


def test_hold_doubles_up_to_its_limit_when_the_worker_keeps_refusing() -> None:
    hold, lengths_s = Hold(), []
    for _ in range(8):
        sent_s = hold.until_s
        hold = struck(hold, sent_s=sent_s, now_s=sent_s)
        lengths_s.append(hold.until_s - sent_s)

    assert lengths_s == [2, 4, 8, 16, 32, 64, 64, 64]


def test_refusals_count_once_when_their_requests_were_sent_before_the_hold() -> None:
    first = struck(Hold(), sent_s=10, now_s=20)

    assert struck(first, sent_s=11, now_s=20.5) == first


def test_hold_lasts_that_long_when_the_worker_names_a_time() -> None:
    assert struck(Hold(), sent_s=10, now_s=10, asked_s=77).until_s == 87


def test_hold_stays_and_a_new_success_ends_it_when_an_old_request_succeeds() -> None:
    hold = struck(Hold(), sent_s=10, now_s=20)

    assert hold.relieved(sent_s=15) == hold
    assert hold.relieved(sent_s=23) == Hold()


def test_held_lane_still_waits_for_the_hold_when_tokens_are_there() -> None:
    lane = Lane(TokenBucket(10, 10, 10, 1000), 10, Hold(strikes=1, since_s=1000, until_s=1004))

    assert lane.wait_s(1000) == 4
