"""More films at once than there are instances: every one waits for its place and is made (DESIGN §4).

Services answer as Cloud Run does at its maximum of instances: 429, an HTML text, nothing done.
"""

import asyncio
import random
from contextlib import asynccontextmanager
from typing import Any

import pytest

from localcloud.tests.workflows.conftest import ScriptedWorld, VirtualLoop, play_source
from localcloud.workflows import engine
from localcloud.workflows.compiler.routines import compile_source
from localcloud.workflows.faults import fault
from promptreel.domain.states import JobState
from tests.fakes.services import FakeServices
from tests.workflow.film import ENV, SOURCE, FilmSet, Reply

PROMPT = {"prompt": "A lighthouse keeper waits"}
RATE_EXCEEDED: Reply = (429, "Rate exceeded.")
QUOTA: Reply = (429, {"code": "quota_exhausted", "message": "429 RESOURCE_EXHAUSTED", "status": 429})

FILMS = 24
TAKES_S = {"draw_keyframe": 20.0, "stitcher_film": 240.0}
PLACES = {"draw_keyframe": 8, "stitcher_film": 4}
PENDING_S = 10.0


class Service:
    """Instances that all films share."""

    def __init__(self, name: str) -> None:
        self.takes_s = TAKES_S[name]
        self.places = asyncio.Semaphore(PLACES[name])
        self.refused = 0

    @asynccontextmanager
    async def place(self) -> Any:
        try:
            async with asyncio.timeout(PENDING_S):
                await self.places.acquire()
        except TimeoutError:
            self.refused += 1
            raise fault(
                "HttpError", "HTTP server responded with error code 429", code=429, body="Rate exceeded."
            ) from None
        try:
            await asyncio.sleep(self.takes_s)
            yield
        finally:
            self.places.release()


class LoadedWorld(ScriptedWorld):
    """The network of one execution: its own steps, behind services that are shared."""

    def __init__(self, film: FilmSet, services: dict[str, Service]) -> None:
        super().__init__(answer=film._answer)
        film._now_s = self.now_s
        self._services = services

    async def send(self, request: dict[str, Any]) -> Any:
        service = self._services.get(request["url"].removeprefix("https://").replace("/", "_"))
        if service is None:
            return await super().send(request)
        async with service.place():
            return await super().send(request)


def test_films_wait_and_all_are_made_when_they_are_more_than_the_instances() -> None:
    films = [FilmSet(FakeServices()) for _ in range(FILMS)]
    order = random.Random(1)

    async def play_all() -> tuple[list[engine.Outcome], dict[str, Service], float]:
        services = {name: Service(name) for name in TAKES_S}

        async def play(film: FilmSet) -> engine.Outcome:
            await asyncio.sleep(order.random())
            run = engine.start(compile_source(SOURCE), LoadedWorld(film, services), ENV, "http://127.0.0.1:1")
            return await engine.execute(run, PROMPT)

        outcomes = await asyncio.gather(*map(play, films))
        return outcomes, services, asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        outcomes, services, took_s = runner.run(play_all())

    assert all(isinstance(outcome, engine.Succeeded) for outcome in outcomes)
    assert {film.job().state for film in films} == {JobState.COMPLETE}
    assert all(service.refused > FILMS for service in services.values())
    assert took_s < 1.5 * FILMS * TAKES_S["stitcher_film"] / PLACES["stitcher_film"]


STEPS = ["open_job", "write_storyboard", "draw_keyframe", "poll_clips", "stitcher_film", "close_job"]


class RefusingFilm(FilmSet):
    """A film of which one step has no capacity until some seconds have passed since its first call."""

    def __init__(self, world: FakeServices, step: str, reply: Reply, seconds: float) -> None:
        super().__init__(world, self._refuse)
        self._refused = step
        self._reply = reply
        self._seconds = seconds
        self._until_s = 0.0

    def _refuse(self, step: str, _: Any) -> Reply | None:
        if step != self._refused:
            return None
        self._until_s = self._until_s or self._now_s() + self._seconds
        return self._reply if self._now_s() < self._until_s else None


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("reply", [RATE_EXCEEDED, QUOTA], ids=["no instance", "no quota"])
def test_film_is_made_when_a_step_has_no_capacity_for_an_hour(world: FakeServices, step: str, reply: Reply) -> None:
    film = RefusingFilm(world, step, reply, 3600)

    played = film.play(PROMPT)

    assert played.result["state"] == "complete"
    assert 3600 < played.took_s < 2 * 3600
    assert film.count(step) < 250


def test_job_fails_with_a_way_out_when_there_was_no_instance_for_hours(world: FakeServices) -> None:
    film = FilmSet(world, lambda step, _: RATE_EXCEEDED if step == "stitcher_film" else None)

    played = film.play(PROMPT)

    error = film.job().error
    assert played.took_s > 2 * 3600
    assert error is not None
    assert (error.code, error.message) == ("no_capacity", "No instance of https://stitcher was free for hours.")
    assert "Resume" in error.remedy


class LateWorld(ScriptedWorld):
    """An execution that began a little later than another."""

    late_s = 0.0

    def now_s(self) -> float:
        return super().now_s() + self.late_s


def test_repeats_are_spread_when_executions_began_at_nearly_the_same_moment(world: FakeServices) -> None:
    def pauses(late_s: float) -> list[float]:
        refusals = [RATE_EXCEEDED] * 9
        film = FilmSet(world, lambda step, _: refusals.pop() if step == "open_job" and refusals else (422, {}))
        late = LateWorld(answer=film._answer)
        late.late_s = late_s
        film._now_s = late.now_s
        play_source(SOURCE, PROMPT, world=late, env=ENV)
        return late.slept_s

    first, second = pauses(0.0001), pauses(0.0005)

    assert len(first) == len(second) == 9
    assert all(one != other for one, other in zip(first, second, strict=True))
    assert all(1 <= pause <= 60 for pause in first + second)
