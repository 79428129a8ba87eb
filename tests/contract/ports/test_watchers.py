"""Watchers of one job over the real store: what sixty of them cost, in documents that the database bills."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from promptreel.adapters import firestore
from promptreel.domain.states import JobState
from promptreel.ports.storage import Create, JobStore
from promptreel.usecases.view_job import JobView
from promptreel.usecases.watch_job import Watchers
from tests.factories import a_call
from tests.fakes.watching import WatchedWorld

CALLS = 20


@pytest.fixture
def documents_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The documents that the database has given to the adapter."""
    given: list[str] = []
    parse = firestore._parse

    def count(kind: type[Any], snapshot: Any) -> Any:
        given.append(snapshot.reference.path)
        return parse(kind, snapshot)

    monkeypatch.setattr(firestore, "_parse", count)
    return given


def watch_for_ten_seconds(world: WatchedWorld, count: int) -> list[JobView | None]:
    """What so many watchers are given who begin with the job as it is and wait for a change."""
    watchers, until = Watchers(), world.clock.now() + timedelta(seconds=10)
    watches = [watchers.watch("job-1", world) for _ in range(count)]
    (first, *_) = [watch.wait(None, until) for watch in watches]
    assert first is not None
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda watch: watch.wait(first.tag, until), watches))


def test_sixty_watchers_are_billed_as_one_when_nothing_changes(
    firestore_jobs: JobStore, documents_read: list[str]
) -> None:
    world = WatchedWorld(firestore_jobs, state=JobState.VIDEO_GEN)
    firestore_jobs.write(*(Create("job-1", a_call(f"call-{number}")) for number in range(CALLS)))
    documents_read.clear()

    assert watch_for_ten_seconds(world, 1) == [None]
    alone = len(documents_read)
    documents_read.clear()
    assert watch_for_ten_seconds(world, 60) == [None] * 60

    assert len(documents_read) == alone
    assert alone == 5 * (3 + CALLS)


def test_watchers_are_given_the_job_when_one_of_its_documents_changes(jobs: JobStore) -> None:
    world = WatchedWorld(jobs, state=JobState.VIDEO_GEN)
    watch = Watchers().watch("job-1", world)
    first = watch.wait(None, world.deadline)
    assert first is not None
    world.clock.at(4, world.change_scene)

    second = watch.wait(first.tag, world.deadline)

    assert second is not None
    assert second.tag != first.tag
    assert watch.wait(second.tag, world.deadline) is None
