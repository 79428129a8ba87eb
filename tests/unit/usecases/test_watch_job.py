"""Many watchers of one job: what they are given, when, and what it costs in reads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from promptreel.domain.states import JobState
from promptreel.errors import NotFound, Transient
from promptreel.usecases import delete_job
from promptreel.usecases.view_job import JobView
from promptreel.usecases.watch_job import LOOK_EVERY_S, MAX_WATCHERS, TooManyWatchers, Watchers
from tests.fakes.watching import WatchedWorld


@pytest.fixture
def world() -> WatchedWorld:
    return WatchedWorld(state=JobState.VIDEO_GEN)


@pytest.fixture
def watchers() -> Watchers:
    return Watchers()


def watch_a_minute(world: WatchedWorld, count: int) -> list[JobView | None]:
    """What so many watchers are given who wait for a change for a minute, all at the same time."""
    watchers = Watchers()
    watches = [watchers.watch("job-1", world) for _ in range(count)]
    (first, *_) = [watch.wait(None, world.deadline) for watch in watches]
    assert first is not None
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda watch: watch.wait(first.tag, world.deadline), watches))


def test_sixty_watchers_cost_the_reads_of_one_when_nothing_changes() -> None:
    alone, crowded = WatchedWorld(state=JobState.VIDEO_GEN), WatchedWorld(state=JobState.VIDEO_GEN)

    assert watch_a_minute(alone, 1) == [None]
    assert watch_a_minute(crowded, 60) == [None] * 60

    assert crowded.reads == alone.reads
    assert alone.reads["jobs.get_job"] == 60 / LOOK_EVERY_S


def test_all_watchers_are_given_one_view_when_the_job_changes(world: WatchedWorld) -> None:
    world.clock.at(30, world.change_scene)

    views = watch_a_minute(world, 60)

    assert len({id(view) for view in views}) == 1
    assert views[0] is not None
    assert views[0].scenes[0].state == "DONE"
    assert world.clock.since_start_s == 30


def test_watcher_is_given_the_job_at_once_when_it_has_seen_another_version(
    world: WatchedWorld, watchers: Watchers
) -> None:
    view = watchers.watch("job-1", world).wait("an older tag", world.deadline)

    assert view is not None
    assert world.clock.slept == []


def test_tag_changes_when_any_document_of_the_job_does(world: WatchedWorld) -> None:
    changes: list[Callable[[], None]] = [
        lambda: None,
        world.change_scene,
        lambda: world.change_job(warnings=("a",)),
        lambda: None,
    ]
    tags = []
    for change in changes:
        change()
        view = Watchers().watch("job-1", world).wait(None, world.deadline)
        assert view is not None
        tags.append(view.tag)

    assert len(set(tags)) == 3
    assert tags[2] == tags[3], "another process gives the same version the same tag"


def test_watcher_that_comes_later_is_given_nothing_older_than_itself(world: WatchedWorld, watchers: Watchers) -> None:
    first = watchers.watch("job-1", world)
    seen = first.wait(None, world.deadline)
    assert seen is not None
    world.change_scene()

    view = watchers.watch("job-1", world).wait(None, world.deadline)

    assert view is not None
    assert view.tag != seen.tag
    assert world.clock.slept == [LOOK_EVERY_S], "it waits for the look that is due anyway"


def test_watcher_that_returns_at_once_gets_no_look_of_its_own(world: WatchedWorld, watchers: Watchers) -> None:
    for _ in range(5):
        watch = watchers.watch("job-1", world)
        watch.wait(None, world.deadline)
        watch.close()

    assert world.clock.since_start_s == 4 * LOOK_EVERY_S
    assert world.reads["jobs.get_job"] == 5


def test_another_watcher_looks_when_the_one_that_looked_goes_away(
    world: WatchedWorld, watchers: Watchers, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader, follower = watchers.watch("job-1", world), watchers.watch("job-1", world)
    view = follower.wait(None, world.deadline)
    assert view is not None
    asleep, waits = Event(), Event()
    sleep, wait = world.clock.sleep, follower._feed.changed.wait

    def sleep_until_the_follower_waits(seconds: float) -> None:
        asleep.set()
        assert waits.wait(10), "one looks for both"
        sleep(seconds)

    def wait_for_a_change(timeout: float | None = None) -> bool:
        waits.set()
        return wait(timeout)

    monkeypatch.setattr(world.clock, "sleep", sleep_until_the_follower_waits)
    monkeypatch.setattr(follower._feed.changed, "wait", wait_for_a_change)
    world.clock.at(20, world.change_scene)
    with ThreadPoolExecutor(2) as pool:
        leads = pool.submit(leader.wait, view.tag, world.deadline.replace(minute=0, second=1))
        assert asleep.wait(10)
        follows = pool.submit(follower.wait, view.tag, world.deadline)

        assert leads.result(10) is None
        assert follows.result(10) is not None
    assert world.clock.since_start_s == 20


def test_every_watcher_is_told_when_the_job_is_deleted(world: WatchedWorld) -> None:
    world.clock.at(10, lambda: delete_job.mark("job-1", world))

    with pytest.raises(NotFound):
        watch_a_minute(world, 5)

    assert world.clock.since_start_s == 10


def test_watchers_wait_out_an_outage_of_the_store(world: WatchedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    watches = [watch for hub in [Watchers()] for watch in (hub.watch("job-1", world), hub.watch("job-1", world))]
    view = watches[0].wait(None, world.deadline)
    assert view is not None
    get_job = world.jobs.get_job
    monkeypatch.setattr(world.jobs, "get_job", _raise(Transient("no database")), raising=False)

    def recover() -> None:
        monkeypatch.setattr(world.jobs, "get_job", get_job)
        world.change_scene()

    world.clock.at(20, recover)

    assert watches[0].wait(view.tag, world.deadline) is not None
    assert watches[1].wait(view.tag, world.deadline) is not None


def test_watcher_raises_the_outage_when_nothing_could_be_read_in_its_time(
    world: WatchedWorld, watchers: Watchers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.jobs, "get_job", _raise(Transient("no database")), raising=False)

    with pytest.raises(Transient, match="no database"):
        watchers.watch("job-1", world).wait(None, world.deadline)

    assert world.clock.since_start_s == 60


def test_every_watcher_raises_what_a_look_raised(world: WatchedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world.clock.at(10, lambda: monkeypatch.setattr(world.jobs, "get_job", _raise(RuntimeError("a bug")), raising=False))

    with pytest.raises(RuntimeError, match="a bug"):
        watch_a_minute(world, 5)


def test_job_at_a_gate_costs_one_read_a_look_and_is_read_whole_twice_a_minute() -> None:
    world = WatchedWorld(state=JobState.AWAITING_APPROVAL)

    watch_a_minute(world, 3)

    assert world.reads["jobs.get_job"] == 30
    assert world.reads["jobs.list_calls"] == 2


def test_scene_that_changes_at_a_gate_is_seen_within_half_a_minute() -> None:
    world = WatchedWorld(state=JobState.AWAITING_APPROVAL)
    world.clock.at(2, world.change_scene)

    assert all(watch_a_minute(world, 2))
    assert world.clock.since_start_s == 30


def test_watch_is_refused_when_the_process_has_as_many_as_it_may(world: WatchedWorld, watchers: Watchers) -> None:
    watches = [watchers.watch("job-1", world) for _ in range(MAX_WATCHERS)]

    with pytest.raises(TooManyWatchers):
        watchers.watch("job-1", world)

    watches[0].close()
    watches[0].close()
    watchers.watch("job-1", world)
    with pytest.raises(TooManyWatchers):
        watchers.watch("job-1", world)


def test_nothing_is_kept_of_a_job_that_nobody_watches(world: WatchedWorld, watchers: Watchers) -> None:
    watch = watchers.watch("job-1", world)
    watch.wait(None, world.deadline)
    watch.close()
    assert watchers.find_job("job-1") is not None
    world.clock.pass_s(LOOK_EVERY_S)

    watchers.watch("job-2", world)

    assert watchers.find_job("job-1") is None


def test_answer_is_made_once_for_all_watchers_of_a_view(world: WatchedWorld, watchers: Watchers) -> None:
    watches = [watchers.watch("job-1", world) for _ in range(3)]
    view = watches[0].wait(None, world.deadline)
    assert view is not None
    made: list[int] = []

    def make() -> int:
        made.append(len(made))
        return len(made)

    assert [watch.share(view, make) for watch in watches] == [1, 1, 1]
    world.clock.pass_s(600)
    assert watches[0].share(view, make) == 2, "links do not live for ever"


def _raise(error: Exception) -> Callable[[str], None]:
    def get_job(_: str) -> None:
        raise error

    return get_job
