"""More films at once than instances: each film waits for an instance and ends complete.

A service at its maximum of instances answers as Cloud Run does: 429 with text, and nothing is done.
"""

import asyncio
import random
from contextlib import asynccontextmanager
from typing import Any

import pytest

from localcloud.tests.workflows.conftest import ScriptedRuntime, VirtualLoop, play_source
from localcloud.workflows import engine
from localcloud.workflows.compiler.routines import compile_source
from localcloud.workflows.faults import fault
from promptreel.domain.states import JobState
from tests.fakes.services import FakeServices
from tests.workflow.film import ENV, SOURCE, FilmRun, Reply

PROMPT = {"prompt": "A lighthouse keeper waits"}
RATE_EXCEEDED: Reply = (429, "Rate exceeded.")
QUOTA: Reply = (429, {"code": "quota_exhausted", "message": "429 RESOURCE_EXHAUSTED", "status": 429})

FILMS = 12
SERVICE_TIMES_S = {"draw_keyframe": 20.0, "stitcher_film": 240.0}
INSTANCES = {"draw_keyframe": 4, "stitcher_film": 2}
QUEUE_TIMEOUT_S = 10.0


class Service:
    """The instances of one service, which all films share."""

    def __init__(self, name: str) -> None:
        self.service_time_s = SERVICE_TIMES_S[name]
        self.instances = asyncio.Semaphore(INSTANCES[name])
        self.refused = 0

    @asynccontextmanager
    async def instance(self) -> Any:
        try:
            async with asyncio.timeout(QUEUE_TIMEOUT_S):
                await self.instances.acquire()
        except TimeoutError:
            self.refused += 1
            raise fault(
                "HttpError", "HTTP server responded with error code 429", code=429, body="Rate exceeded."
            ) from None
        try:
            await asyncio.sleep(self.service_time_s)
            yield
        finally:
            self.instances.release()


class LoadedWorld(ScriptedRuntime):
    """The environment of one execution: its own steps, behind services that all executions share."""

    def __init__(self, film: FilmRun, services: dict[str, Service]) -> None:
        super().__init__(answer=film._answer)
        film._now_s = self.now_s
        self._services = services

    async def send(self, request: dict[str, Any]) -> Any:
        service = self._services.get(request["url"].removeprefix("https://").replace("/", "_"))
        if service is None:
            return await super().send(request)
        async with service.instance():
            return await super().send(request)


def test_films_wait_and_complete_when_there_are_fewer_instances() -> None:
    films = [FilmRun(FakeServices()) for _ in range(FILMS)]
    order = random.Random(1)

    async def play_all() -> tuple[list[engine.Outcome], dict[str, Service], float]:
        services = {name: Service(name) for name in SERVICE_TIMES_S}

        async def play(film: FilmRun) -> engine.Outcome:
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
    assert took_s < 1.5 * FILMS * SERVICE_TIMES_S["stitcher_film"] / INSTANCES["stitcher_film"]


STEPS = ["open_job", "write_storyboard", "draw_keyframe", "poll_clips", "stitcher_film", "close_job"]


class RefusingFilm(FilmRun):
    """A film in which one step has no capacity for some seconds after its first call."""

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
def test_film_completes_when_a_step_has_no_capacity_for_an_hour(world: FakeServices, step: str, reply: Reply) -> None:
    film = RefusingFilm(world, step, reply, 3600)

    played = film.play(PROMPT)

    assert played.result["state"] == "complete"
    assert 3600 < played.took_s < 2 * 3600
    assert film.count(step) < 250


def test_job_fails_with_a_remedy_when_there_is_no_instance_for_hours(world: FakeServices) -> None:
    film = FilmRun(world, lambda step, _: RATE_EXCEEDED if step == "stitcher_film" else None)

    played = film.play(PROMPT)

    error = film.job().error
    assert played.took_s > 2 * 3600
    assert error is not None
    assert (error.code, error.message) == ("no_capacity", "No instance of https://stitcher was free for hours.")
    assert "Resume" in (error.remedy or "")


class LateWorld(ScriptedRuntime):
    """An execution that starts a little later than another."""

    late_s = 0.0

    def now_s(self) -> float:
        return super().now_s() + self.late_s


def test_retries_are_spread_when_executions_start_at_nearly_the_same_time(world: FakeServices) -> None:
    def pauses(late_s: float) -> list[float]:
        refusals = [RATE_EXCEEDED] * 9
        film = FilmRun(world, lambda step, _: refusals.pop() if step == "open_job" and refusals else (422, {}))
        late = LateWorld(answer=film._answer)
        late.late_s = late_s
        film._now_s = late.now_s
        play_source(SOURCE, PROMPT, runtime=late, env=ENV)
        return late.slept_s

    first, second = pauses(0.0001), pauses(0.0005)

    assert len(first) == len(second) == 9
    assert all(one != other for one, other in zip(first, second, strict=True))
    assert all(1 <= pause <= 60 for pause in first + second)
