"""The keyframes are judged before any clip is queued; the worst are drawn again, within count and budget."""

import json
from typing import Any

import pytest

from promptreel.domain.call import committed_micros
from promptreel.domain.job import Budget, Job
from promptreel.domain.scene import Scene
from promptreel.domain.states import CallState, JobState, SceneState
from promptreel.errors import Refused, Throttled
from promptreel.ports.models import Declined, TextRequest
from promptreel.ports.storage import Replace
from promptreel.usecases import job_lifecycle
from promptreel.usecases.check_continuity import ContinuityChecked
from promptreel.usecases.draw_keyframe import DrawKeyframe
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.open_job import OpenJob
from tests.fakes.hooks import HookedWorld, Killed
from tests.fakes.models import USAGE, FakeTextGenerator, a_verdict, reported
from tests.fakes.services import FakeServices
from tests.fakes.system import FakeClock

COAT = "Mira wears a green coat; it is grey."


class Judge:
    """Answers by rule: ``drifts`` are words of a keyframe's label, and how many pictures of it drift."""

    def __init__(self, world: FakeServices, **drifts: int) -> None:
        self._drifts = drifts
        self._seen: dict[str, list[str]] = {name: [] for name in drifts}
        self._texts: FakeTextGenerator = getattr(world.text, "_port", world.text)
        self._usual = self._texts.generate_text
        self._texts.generate_text = self.generate  # type: ignore[method-assign]

    def generate(self, request: TextRequest, timeout_s: float) -> Any:
        if request.pictures:
            bad = {name: COAT for name in self._drifts if self._is_bad(name, request)}
            self._texts.verdicts.insert(0, json.dumps(a_verdict(request, **bad)))
        return self._usual(request, timeout_s)

    def _is_bad(self, name: str, request: TextRequest) -> bool:
        lines = [line for line in request.prompt.splitlines() if line.startswith("Picture ")]
        pairs = zip(lines, request.pictures, strict=True)
        uri = next((uri for line, uri in pairs if name.replace("_", " ") in line), "")
        if uri and uri not in self._seen[name]:
            self._seen[name].append(uri)
        return uri in self._seen[name][: self._drifts[name]]


def step(world: FakeServices, job: Job) -> ContinuityChecked:
    return world.check_continuity(JobRun(job.id, job.run))


def check(world: FakeServices, job: Job, rounds: int = 20) -> Job:
    """Play the drawing branch of the workflow after its waves."""
    for _ in range(rounds):
        checked = step(world, job)
        if checked.state == "done":
            break
        for wave in checked.waves:
            for item in wave.items:
                world.draw_keyframe(DrawKeyframe(job.id, job.run, item.scene, item.frame, item.take))
        world.clock.pass_s(max(1.0, checked.wait_s))
    return world.jobs.get_job(job.id).value


def drawn(world: FakeServices, **request: object) -> Job:
    return world.drawn(checks=True, **request)


def scenes_of(world: FakeServices, job: Job) -> list[Scene]:
    return [read.value for read in world.jobs.list_scenes(job.id)]


def drawings(world: FakeServices, job: Job) -> dict[str, int]:
    """How many pictures were drawn of each keyframe."""
    calls = [read.value for read in world.jobs.list_calls(job.id) if read.value.kind == "image"]
    paid = [call.purpose.removeprefix("keyframe/") for call in calls if call.has_output]
    return {purpose: paid.count(purpose) for purpose in sorted(set(paid))}


ONCE = {"scene-01/start": 1, "scene-01/end": 1, "scene-02/end": 1, "scene-03/end": 1}


def test_no_clip_is_queued_before_the_check_has_passed(world: FakeServices) -> None:
    job = drawn(world)
    world.poll(job)

    assert (job.state, dict(world.queue.tasks)) == (JobState.KEYFRAMES, {})
    checked = check(world, job)
    assert (checked.state, len(world.queue.tasks)) == (JobState.VIDEO_GEN, 3)
    assert checked.check is not None
    assert (checked.check.state, checked.check.rounds, checked.check.redrawn) == ("passed", 1, 0)
    assert drawings(world, job) == dict(sorted(ONCE.items()))


def test_judge_sees_every_keyframe_once_in_order_with_what_it_is_to_show(world: FakeServices) -> None:
    job = drawn(world)
    check(world, job)

    (request,) = world.text.judge_requests
    scenes = scenes_of(world, job)
    uris = [scenes[0].start, *(scene.end for scene in scenes)]
    assert list(request.pictures) == [keyframe.uri for keyframe in uris if keyframe]
    assert "Judge pictures 1, 2, 3, 4, each once." in request.prompt
    assert "Mira: grey coat, red scarf" in request.prompt
    assert (
        "Picture 3: keyframe, the last picture of scene-02: end of 2 Scene: Scene 2 with Mira Shown: Mira."
        in request.prompt
    )


def test_exactly_the_drifting_keyframe_is_drawn_again_with_the_criticism(world: FakeServices) -> None:
    job = drawn(world)
    Judge(world, end_of_2=1)
    before = scenes_of(world, job)
    checked = check(world, job)

    assert drawings(world, job) == dict(sorted({**ONCE, "scene-02/end": 2}.items()))
    assert world.images.requests[-1].prompt.count(COAT) == 1
    after = scenes_of(world, job)
    assert after[1].end != before[1].end
    assert after[2].start == after[1].end, "the next scene begins with it"
    assert [scene.end for scene in after[::2]] == [scene.end for scene in before[::2]]
    assert [one.passes for one in after[1].verdicts] == [False, True]
    assert {scene.take for scene in after} == {1}
    assert (checked.check and checked.check.state, checked.state) == ("passed", JobState.VIDEO_GEN)
    assert len(world.text.judge_requests) == 2
    assert "Judge picture 3." in world.text.judge_requests[1].prompt, "only the new picture is judged again"


def test_judge_compares_with_the_sheets_and_the_redraw_sees_them_in_sheet_mode(world: FakeServices) -> None:
    job = drawn(world, continuity="sheet")
    Judge(world, end_of_2=1)
    checked = check(world, job)

    sheets = [read.value.image.uri for read in world.jobs.list_sheets(job.id) if read.value.image]
    first = world.text.judge_requests[0]
    assert sheets
    assert list(first.pictures[: len(sheets)]) == sheets
    assert first.prompt.startswith("Picture 1: model: Mira")
    assert drawings(world, job)["scene-02/end"] == 2
    assert set(world.images.requests[-1].references) <= set(sheets)
    assert (checked.state, checked.check and checked.check.redrawn) == (JobState.VIDEO_GEN, 1)


def test_same_keyframe_is_drawn_again_at_most_twice_and_its_best_picture_stays(world: FakeServices) -> None:
    job = drawn(world)
    Judge(world, end_of_2=9)
    checked = check(world, job)

    assert drawings(world, job)["scene-02/end"] == 3
    assert len(world.queue.tasks) == 3, "the film goes on"
    assert checked.check is not None
    assert (checked.check.state, checked.check.redrawn, checked.check.failing) == ("drift", 2, 1)
    assert [line for line in checked.warnings if "scene-02: its end picture drifts (clothing)" in line]


def test_earlier_picture_is_kept_when_the_redrawn_one_is_worse(world: FakeServices) -> None:
    job = drawn(world)
    before = scenes_of(world, job)[1].end
    scores = iter([0.5, 0.3, 0.1])
    usual = world.text.generate_text

    def judge(request: TextRequest, timeout_s: float) -> Any:
        if "Judge picture" in request.prompt:
            verdict: Any = a_verdict(request, end_of_2=COAT)
            for one in verdict["pictures"]:
                one["clothing"] = next(scores) if one["drift"] else 0.9
            world.text.verdicts = [json.dumps(verdict)]
        return usual(request, timeout_s)

    world.text.generate_text = judge  # type: ignore[method-assign]
    check(world, job)
    second, third = scenes_of(world, job)[1:]

    assert drawings(world, job)["scene-02/end"] == 3
    assert (second.end, third.start) == (before, before)
    stored = [one.keyframe.uri for one in second.verdicts]
    assert len(set(stored)) == 3
    assert all(world.artifacts.get(uri) for uri in stored), "all of them stay in the bucket"


def test_a_third_of_the_keyframes_is_drawn_again_in_a_round_the_worst_first(world: FakeServices) -> None:
    job = drawn(world)
    Judge(world, end_of_1=9, end_of_2=9, end_of_3=9)
    first = step(world, job)

    assert len([item for wave in first.waves for item in wave.items]) == 1
    check(world, job, rounds=50)
    assert drawings(world, job) == dict(
        sorted({"scene-01/start": 1, "scene-01/end": 3, "scene-02/end": 3, "scene-03/end": 3}.items())
    )


@pytest.mark.parametrize("micros_left", [1_000, 60_000])
def test_check_and_redraws_stay_within_the_budget_and_the_film_goes_on(world: FakeServices, micros_left: int) -> None:
    job = drawn(world)
    Judge(world, end_of_2=9)
    committed = committed_micros([read.value for read in world.jobs.list_calls(job.id)])
    read = world.jobs.get_job(job.id)
    world.jobs.write(Replace(job.id, read, read.value.evolve(budget=Budget(limit_micros=committed + micros_left))))
    checked = check(world, job)

    assert drawings(world, job)["scene-02/end"] == 1
    assert checked.state is JobState.VIDEO_GEN
    word = "not checked: budget_usd" if micros_left == 1_000 else "its end picture drifts"
    assert [line for line in checked.warnings if word in line], checked.warnings
    calls = [read.value for read in world.jobs.list_calls(job.id)]
    assert committed_micros(calls) <= committed + micros_left


@pytest.mark.parametrize(
    "answers",
    [
        ["{", "[]", "no"],
        [Refused("blocked", codes=())] * 3,
        [Declined("blocked", (), reported(USAGE))] * 3,
    ],
)
def test_film_goes_on_unchecked_with_a_warning_when_no_verdict_can_be_used(
    world: FakeServices, answers: list[Any]
) -> None:
    job = drawn(world)
    world.text.verdicts = list(answers)
    checked = check(world, job)

    assert checked.state is JobState.VIDEO_GEN
    assert (checked.check and checked.check.state, len(world.text.judge_requests)) == ("skipped", 3)
    assert [line for line in checked.warnings if line.startswith("checks: the keyframes were not checked: no usable")]


def test_fault_of_a_verdict_is_fed_back(world: FakeServices) -> None:
    job = drawn(world)
    silent: Any = {"picture": 1, **dict.fromkeys(["cast", "clothing", "props", "place", "light", "style"], 0.1)}
    world.text.verdicts = [json.dumps({"pictures": [{**silent, "picture": n} for n in (1, 2, 3, 4)]})]
    check(world, job)

    assert "picture 1: `drift` must say what differs" in world.text.judge_requests[1].prompt


def test_step_waits_when_the_judges_quota_is_used_up(world: FakeServices) -> None:
    job = drawn(world)
    world.text.verdicts = [Throttled("quota")]
    with pytest.raises(Exception, match="quota"):
        step(world, job)

    assert check(world, job).state is JobState.VIDEO_GEN


def test_keyframe_is_kept_when_its_redraw_is_refused(world: FakeServices) -> None:
    job = drawn(world)
    Judge(world, end_of_2=9)
    before = scenes_of(world, job)
    world.images.failures = [Refused("IMAGE_SAFETY", codes=("15236754",))] * 3
    checked = check(world, job)

    after = scenes_of(world, job)
    assert [(one.start, one.end, one.state) for one in after] == [
        (one.start, one.end, SceneState.QUEUED) for one in before
    ]
    assert [one.is_final for one in after[1].verdicts] == [True]
    assert (checked.state, checked.check and checked.check.failing) == (JobState.VIDEO_GEN, 1)


def test_first_and_neighbouring_keyframes_are_drawn_again_each_from_the_one_before(world: FakeServices) -> None:
    job = drawn(world)
    Judge(world, start_of_1=1, end_of_1=1)
    check(world, job)
    scene = scenes_of(world, job)[0]

    assert scene.start is not None
    assert drawings(world, job) == dict(sorted({**ONCE, "scene-01/start": 2, "scene-01/end": 2}.items()))
    assert world.images.requests[-1].references == (scene.start.uri,)


def test_keyframe_of_the_owner_is_judged_and_never_drawn_again(world: FakeServices) -> None:
    job = drawn(world)
    Judge(world, end_of_2=9)
    for read, frame in zip(world.jobs.list_scenes(job.id)[1:], ("end", "start"), strict=True):
        scene, stored = read.value, read.value.keyframe(frame)  # type: ignore[arg-type]
        assert stored is not None
        own = scene.with_edit({frame: stored.evolve(is_own=True)})
        world.jobs.write(Replace(job.id, read, own))
    checked = check(world, job)

    assert (len(world.images.requests), checked.check and checked.check.failing) == (4, 1)


def test_gate_after_the_keyframes_comes_after_the_check(world: FakeServices) -> None:
    job = drawn(world, stop_after="keyframes")
    Judge(world, end_of_2=1)
    checked = check(world, job)

    assert (checked.state, dict(world.queue.tasks)) == (JobState.KEYFRAMES, {})
    assert checked.check is not None
    assert checked.check.redrawn == 1
    assert step(world, job).state == "done"


def test_verdicts_are_copied_with_the_keyframes_when_the_same_film_is_made_again(world: FakeServices) -> None:
    first = check(world, drawn(world))
    asked, pictures = world.text.calls, len(world.images.requests)

    again = world.open_job(OpenJob("e-2", {"prompt": first.request.prompt, "checks": True})).job_id
    world.write_storyboard(JobRun(again, 1))
    world.draw_all(world.jobs.get_job(again).value)
    second = check(world, world.jobs.get_job(again).value)

    assert (world.text.calls, len(world.images.requests)) == (asked, pictures)
    assert second.check == first.check
    assert [len(scene.verdicts) for scene in scenes_of(world, second)] == [
        len(scene.verdicts) for scene in scenes_of(world, first)
    ]
    calls = [read.value for read in world.jobs.list_calls(second.id) if read.value.purpose.startswith("check/")]
    assert [(call.source.job, call.cost_micros) for call in calls if call.source] == [(first.id, 0)]


def test_nothing_is_judged_when_the_request_says_so(world: FakeServices) -> None:
    job = world.drawn(checks=False)

    assert (job.state, len(world.queue.tasks)) == (JobState.VIDEO_GEN, 3)
    assert step(world, job).state == "done"
    assert world.text.judge_requests == []


def test_older_run_writes_nothing(world: FakeServices) -> None:
    job = drawn(world)
    job_lifecycle.cancel(job.id, world)
    resumed = job_lifecycle.resume(job.id, None, world)

    assert resumed.state is JobState.KEYFRAMES, "the check is not done yet"
    assert step(world, job).state == "superseded"
    assert check(world, resumed).state is JobState.VIDEO_GEN


def test_film_is_filmed_unchecked_when_nothing_is_heard_of_its_check(world: FakeServices) -> None:
    job = drawn(world)
    assert isinstance(world.clock, FakeClock)
    world.clock.pass_s(1_801)
    world.poll(job)
    world.poll(job)

    after = world.jobs.get_job(job.id).value
    assert (after.state, len(world.queue.tasks)) == (JobState.VIDEO_GEN, 3)
    assert [line for line in after.warnings if "nothing was heard of it" in line]


def test_check_pays_nothing_twice_when_it_is_killed_at_any_call() -> None:
    undisturbed = HookedWorld()
    job = drawn(undisturbed)
    Judge(undisturbed, end_of_2=1)
    undisturbed.called = []
    check(undisturbed, job)
    for number, name in enumerate(list(undisturbed.called)):
        for after in (False, True):
            world = HookedWorld()
            job = drawn(world)
            Judge(world, end_of_2=1)
            world.at(number, kill, after=after)
            for _ in range(20):
                try:
                    finished = check(world, job)
                    break
                except Killed:
                    world.clock.pass_s(400)
            assert after or not world.is_waiting(), (number, name)
            calls = [read.value for read in world.jobs.list_calls(job.id)]
            checks = [call for call in calls if call.purpose.startswith("check/") and call.sent_at is not None]
            lost = sum(call.state is CallState.LOST for call in calls)
            world.poll(finished)
            assert finished.state is JobState.VIDEO_GEN, (number, name)
            assert len(checks) <= 2 + lost, (number, name)
            assert drawings(world, job) == dict(sorted({**ONCE, "scene-02/end": 2}.items())), (number, name)
            assert len(world.queue.tasks) == 3, (number, name)


def kill(name: str) -> None:
    """What happens where the process dies."""
    raise Killed(name)
