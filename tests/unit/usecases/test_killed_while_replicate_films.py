"""A process that dies at any call while Replicate films: one prediction is paid, and its clip is copied once."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx2

from promptreel.adapters.replicate import API_URL, Replicate
from promptreel.adapters.video import VideoBackends
from promptreel.domain.call import Call
from promptreel.domain.job import Job
from promptreel.domain.models import registry
from promptreel.domain.states import CallState
from tests.fakes.hooks import Hooked, HookedWorld, Killed
from tests.fakes.models import a_storyboard
from tests.fakes.system import FakeClock

KLING = "kwaivgi/kling-v3-video"
FILMED_AFTER = timedelta(seconds=60)
ROUNDS, ROUND_S = 40, 130  # longer than the longest latency and one attempt after it
DOWNLOAD, COPY = "web.download", "artifacts.put_file"


class Web:
    """Replicate and its delivery host; whatever was created is paid."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.predictions: list[dict[str, Any]] = []

    def create(self, request: httpx2.Request) -> httpx2.Response:
        created = self._clock.now().isoformat()
        made = {"id": f"p{len(self.predictions) + 1}", "created_at": created, "error": None}
        self.predictions.append(made | json.loads(request.content))
        return httpx2.Response(201, json=self._show(self.predictions[-1]))

    def list(self, _: httpx2.Request) -> httpx2.Response:
        shown = [self._show(prediction) for prediction in reversed(self.predictions)]
        return httpx2.Response(200, json={"next": None, "previous": None, "results": shown})

    def get(self, request: httpx2.Request) -> httpx2.Response:
        name = request.url.path.rpartition("/")[2]
        return httpx2.Response(200, json=self._show(next(one for one in self.predictions if one["id"] == name)))

    def download(self, _: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=b"clip")

    def _show(self, prediction: dict[str, Any]) -> dict[str, Any]:
        age = self._clock.now() - self._clock.now().fromisoformat(prediction["created_at"])
        if age < FILMED_AFTER:
            return prediction | {"status": "processing", "output": None}
        return prediction | {"status": "succeeded", "output": f"https://replicate.delivery/{prediction['id']}/o.mp4"}


class Scripted(Replicate):
    """The adapter before this web, whose requests may be died at like calls of a port."""

    _client: httpx2.Client

    def __init__(self, web: Hooked, world: HookedWorld) -> None:
        super().__init__("secret", "", world.artifacts)

        def handle(request: httpx2.Request) -> httpx2.Response:
            answer: Callable[[httpx2.Request], httpx2.Response]
            if request.url.host == "replicate.delivery":
                answer = web.download
            elif request.method == "POST":
                answer = web.create
            else:
                answer = web.list if request.url.path == "/v1/predictions" else web.get
            return answer(request)

        self._client = httpx2.Client(base_url=API_URL, transport=httpx2.MockTransport(handle))


def drawn_world() -> tuple[HookedWorld, Web, Job]:
    """A job of one drawn scene that Kling films, and nothing sent yet."""
    world = HookedWorld()
    web = Web(world.clock)
    replicate = Scripted(Hooked("web", web, world._came, world._went), world)
    world.video = VideoBackends({"predictions": replicate})  # type: ignore[assignment]
    world.text.answers.append(json.dumps(a_storyboard(scenes=1)))
    return world, web, world.drawn(scenes=1, models={"video": KLING})


def film(world: HookedWorld, job: Job) -> None:
    """Deliver, poll and sweep until the clip is taken over; a process that dies is followed by the next one."""
    for _ in range(ROUNDS):
        for act in (world.submit_queued, lambda: world.poll(job)):
            try:
                answer = act()
            except Killed:
                continue
            if getattr(answer, "state", None) == "done":
                return
        world.clock.pass_s(ROUND_S)
    raise AssertionError("the clip was never taken over")


def clip_calls(world: HookedWorld, job: Job) -> list[Call]:
    return [read.value for read in world.jobs.list_calls(job.id) if read.value.kind == "video"]


def test_clip_is_paid_once_and_copied_once_when_a_process_dies_at_any_call() -> None:
    undisturbed, _, job = drawn_world()
    undisturbed.at(10**6, lambda _: None)
    film(undisturbed, job)
    calls = list(undisturbed.called)
    assert {"web.create", "web.get", DOWNLOAD, COPY, "jobs.write"} <= set(calls)

    listed = 0
    for number in range(len(calls)):
        for after in (False, True):
            world, web, job = drawn_world()
            died_at: list[str] = []

            def die(name: str, died_at: list[str] = died_at) -> None:
                died_at.append(name)
                raise Killed

            world.at(number, die, after=after)
            film(world, job)

            where = f"killed {'after' if after else 'before'} {died_at} ({number})"
            assert len(web.predictions) == 1, where
            copies = world.called.count(COPY) - (died_at == [COPY] and not after)
            clips = [one.uri for one in world.artifacts.list(f"jobs/{job.id}/clips/") if one.uri.endswith(".mp4")]
            assert (copies, len(clips)) == (1, 1), where
            settled = [call for call in clip_calls(world, job) if call.state is not CallState.LOST]
            seconds = web.predictions[0]["input"]["duration"]
            price = registry().video_model(KLING).max_micros(seconds, "720p", job.created, audio=True)
            assert [(call.state, call.cost_micros) for call in settled] == [(CallState.SETTLED, price)], where
            listed += "web.list" in world.called

    assert listed > 0  # an answer that was lost is found in the list
