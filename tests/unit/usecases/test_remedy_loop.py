"""What is tried before a refused scene is given up: a rewrite, other keyframes, no sound, another model."""

import json

import pytest

from promptreel.domain.call import JOB_ENDED, Call, committed_micros
from promptreel.domain.identifiers import call_id
from promptreel.domain.job import DrawItem, Job
from promptreel.domain.scene import RewriteRequest, Scene
from promptreel.domain.states import CallState, JobState, SceneState
from promptreel.errors import AnswerLost, QuotaExhausted, Refused, Throttled, Transient
from promptreel.ports.models import Failed, Running
from promptreel.ports.storage import Create, Replace
from promptreel.usecases import job_lifecycle
from promptreel.usecases.draw_keyframe import DrawKeyframe
from promptreel.usecases.poll_clips import ClipsPolled
from promptreel.usecases.submit_clip import SubmitClip
from tests.factories import a_call, altered
from tests.fakes.models import MILDER_WORDS
from tests.fakes.services import FakeServices

REWRITTEN = "57734940"  # hate, input side: other words at once, nothing else
REDRAWN = "29310472"  # celebrity, input side: other words, then other pictures
PROVIDER_FAILED = "outage"


def first(world: FakeServices, job: Job) -> Scene:
    return world.jobs.get_scene(job.id, "scene-01").value


def calls(world: FakeServices, job: Job, purpose: str) -> list[Call]:
    return [read.value for read in world.jobs.list_calls(job.id) if read.value.purpose.startswith(purpose)]


def refuse_first(world: FakeServices, job: Job, code: str = "safety") -> ClipsPolled:
    """The first scene's running clip is refused, the others are delivered; poll_clips looks."""
    world.submit_queued()
    filming = first(world, job).clip_call_id(job.id)
    for operation, state in list(world.video.states.items()):
        if isinstance(state, Running):
            if world.video.prefixes[operation].endswith(f"/{filming}/"):
                world.video.states[operation] = Failed(f"Support codes: {code}", (code,))
            else:
                world.video.deliver(operation)
    world.clock.pass_s(60)
    return world.poll(job)


def finish(world: FakeServices, job: Job) -> None:
    """Every running clip is delivered, the film is cut and the job complete."""
    for operation, state in world.video.states.items():
        if isinstance(state, Running):
            world.video.deliver(operation)
    world.clock.pass_s(60)
    assert world.poll(job).state == "done"
    world.give_film(job)
    assert world.close(job) == "complete"


def draw(world: FakeServices, job: Job, item: DrawItem) -> str:
    return world.draw_keyframe(DrawKeyframe(job.id, job.run, item.scene, item.frame, item.take)).state


def test_refused_prompt_is_rewritten_by_the_advice_and_filmed(world: FakeServices) -> None:
    job = world.drawn()
    before = first(world, job)
    refuse_first(world, job, REWRITTEN)

    world.submit_queued()

    request = world.text.requests[-1]
    assert "Leave out what could read as hate." in request.prompt
    assert REWRITTEN in request.prompt
    assert before.motion_prompt in request.prompt
    shot = world.video.requests[-1]
    assert shot.prompt.startswith(MILDER_WORDS["motion_prompt"])
    assert shot.first_uri == (before.start and before.start.uri)
    after = first(world, job)
    assert (after.state, after.attempt, after.rewording) == (SceneState.FILMING, 2, None)


def test_rewrite_is_a_paid_call_of_its_own_in_the_ledger(world: FakeServices) -> None:
    job = world.drawn()
    refuse_first(world, job, REWRITTEN)
    world.submit_queued()

    (call,) = calls(world, job, "rewrite/")
    assert (call.kind, call.scene, call.state) == ("text", "scene-01", CallState.SETTLED)
    (storyboard,) = calls(world, job, "storyboard")
    assert 0 < call.cost_micros <= call.reserved_micros < storyboard.reserved_micros


def test_nothing_is_written_or_filmed_twice_when_a_rewritten_scenes_task_is_redelivered(
    world: FakeServices,
) -> None:
    job = world.drawn()
    refuse_first(world, job, REWRITTEN)
    world.submit_queued()

    assert world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 2)).state == "filming"
    assert (len(world.text.requests), len(world.video.requests)) == (2, 4)


def test_prompt_is_kept_and_the_next_attempt_sent_when_the_rewrite_is_unusable(world: FakeServices) -> None:
    job = world.drawn()
    words = first(world, job).motion_prompt
    refuse_first(world, job, REWRITTEN)
    world.text.answers = ["no json", json.dumps({"description": ""}), Refused("unwilling")]

    world.submit_queued()

    assert len(calls(world, job, "rewrite/")) == 3
    assert world.video.requests[-1].prompt.startswith(words)


def test_rewriter_sees_its_answer_and_the_fault_when_an_answer_is_no_scene(world: FakeServices) -> None:
    job = world.drawn()
    refuse_first(world, job, REWRITTEN)
    world.text.answers = [json.dumps({**MILDER_WORDS, "motion_prompt": "\u200b"})]

    world.submit_queued()
    first_prompt, second_prompt = (request.prompt for request in world.text.requests[-2:])

    assert second_prompt.startswith(f"{first_prompt}\n<answer>\n")
    assert "motion_prompt: " in second_prompt.splitlines()[-1]
    assert world.video.requests[-1].prompt.startswith(MILDER_WORDS["motion_prompt"])


def test_task_ends_busy_while_another_worker_rewrites_the_prompt(world: FakeServices) -> None:
    job = world.drawn()
    refuse_first(world, job, REWRITTEN)
    seen: list[str] = []
    write = world.text.generate_text

    def meanwhile(*arguments: object) -> object:
        seen.append(world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 2)).state)
        return write(*arguments)  # type: ignore[arg-type]

    world.text.generate_text = meanwhile  # type: ignore[method-assign,assignment]
    world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 2))

    assert seen == ["busy"]
    assert len(world.video.requests) == 4


def test_rewrite_is_not_stored_when_another_one_is_wanted_by_then(world: FakeServices) -> None:
    job = world.drawn()
    refuse_first(world, job, REWRITTEN)
    wanted = RewriteRequest(attempt="9-9", advice="Other words.", reason="edited")
    write = world.text.generate_text

    def edited(*arguments: object) -> object:
        read = world.jobs.get_scene(job.id, "scene-01")
        world.jobs.write(Replace(job.id, read, read.value.evolve(rewording=wanted)))
        return write(*arguments)  # type: ignore[arg-type]

    world.text.generate_text = edited  # type: ignore[method-assign,assignment]
    world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 2))

    assert first(world, job).rewording == wanted
    assert first(world, job).motion_prompt != MILDER_WORDS["motion_prompt"]


def test_rewrite_spends_no_attempt_when_the_job_ended_before_it_was_sent(world: FakeServices) -> None:
    job = world.drawn()
    refuse_first(world, job, REWRITTEN)
    for attempt in (1, 2, 3):
        never_made = a_call(
            call_id(job.id, "rewrite/scene-01/1-1", 1, attempt),
            job=job.id,
            kind="text",
            attempt=attempt,
            purpose="rewrite/scene-01/1-1",
            state=CallState.RELEASED,
            codes=(JOB_ENDED,),
        )
        world.jobs.write(Create(job.id, never_made))

    world.submit_queued()

    assert world.video.requests[-1].prompt.startswith(MILDER_WORDS["motion_prompt"])


def test_late_output_is_taken_from_any_earlier_attempt(world: FakeServices) -> None:
    job = world.drawn()
    world.video.failures = [AnswerLost("reset")]
    refuse_first(world, job)
    world.clock.pass_s(60 + 900 + 121)
    world.poll(job)
    refuse_first(world, job, REWRITTEN)
    (lost, *_) = calls(world, job, "clip/scene-01")
    uri = world.artifacts.put(f"{lost.prefix}7/sample_0.mp4", b"clip", "video/mp4")

    assert world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 3)).state == "delivered"

    clip = first(world, job).clip
    assert clip is not None
    assert (clip.uri, clip.call) == (uri, lost.id)


def test_lost_rewrite_is_counted_and_requested_a_second_time(world: FakeServices) -> None:
    job = world.drawn()
    refuse_first(world, job, REWRITTEN)
    world.text.answers = [AnswerLost("reset")]

    world.submit_queued()

    assert [call.state for call in calls(world, job, "rewrite/")] == [CallState.LOST, CallState.SETTLED]
    assert world.video.requests[-1].prompt.startswith(MILDER_WORDS["motion_prompt"])


def test_quota_of_the_text_model_is_not_reported_as_the_clips_quota(world: FakeServices) -> None:
    job = world.drawn()
    refuse_first(world, job, REWRITTEN)
    world.text.answers = [Throttled("429")]

    with pytest.raises(Transient) as away:
        world.submit_queued()

    assert not isinstance(away.value, QuotaExhausted)
    world.submit_queued()
    assert [call.state for call in calls(world, job, "rewrite/")] == [CallState.SETTLED]


def test_rewrite_is_not_sent_when_the_budget_does_not_hold_it(world: FakeServices) -> None:
    job = world.drawn()
    refuse_first(world, job, REWRITTEN)
    read = world.jobs.get_job(job.id)
    spent = committed_micros([call.value for call in world.jobs.list_calls(job.id)])
    tight = read.value.evolve(budget=read.value.budget.evolve(limit_micros=spent))
    world.jobs.write(Replace(job.id, read, tight))

    assert "budget_exceeded" in world.submit_queued()
    polled = world.poll(job)

    assert polled.problem is not None
    assert polled.problem.code == "budget_exceeded"
    assert len(world.text.requests) == 1


def test_keyframes_are_redrawn_from_a_rewritten_prompt_when_their_clip_is_refused(world: FakeServices) -> None:
    job = world.drawn()
    before = first(world, job)
    refuse_first(world, job, REDRAWN)
    assert refuse_first(world, job, REDRAWN).redraw == (DrawItem(scene="scene-01", frame="start", take=2),)
    assert first(world, job).state is SceneState.PENDING

    assert draw(world, job, DrawItem(scene="scene-01", frame="start", take=2)) == "drawn"
    (item,) = world.poll(job).redraw
    assert (item.frame, draw(world, job, item)) == ("end", "drawn")

    after = first(world, job)
    assert (after.state, after.take, after.attempt) == (SceneState.QUEUED, 2, 1)
    assert after.start is not None
    assert after.end is not None
    assert before.start is not None
    assert after.start.uri != before.start.uri
    assert MILDER_WORDS["start_frame_prompt"] in world.images.requests[-2].prompt
    assert world.images.requests[-1].references == (after.start.uri,)
    world.submit_queued()
    assert (world.video.requests[-1].first_uri, world.video.requests[-1].last_uri) == (after.start.uri, after.end.uri)
    assert world.poll(job).redraw == ()


def test_next_scene_keeps_its_keyframe_when_the_scene_before_is_redrawn(world: FakeServices) -> None:
    job = world.drawn()
    second = world.jobs.get_scene(job.id, "scene-02").value.start
    refuse_first(world, job, REDRAWN)
    refuse_first(world, job, REDRAWN)
    for frame in ("start", "end"):
        draw(world, job, DrawItem(scene="scene-01", frame=frame, take=2))

    assert world.jobs.get_scene(job.id, "scene-02").value.start == second


def test_draw_item_is_outdated_and_unpaid_when_its_take_is_old(world: FakeServices) -> None:
    """A new execution draws the plan's waves again: they name the take of the plan."""
    job = world.drawn()
    refuse_first(world, job, REDRAWN)
    refuse_first(world, job, REDRAWN)
    painted = len(world.images.requests)

    assert draw(world, job, DrawItem(scene="scene-01", frame="start", take=1)) == "outdated"
    assert len(world.images.requests) == painted


def test_scene_is_given_up_with_its_old_keyframes_when_redrawn_ones_are_refused(world: FakeServices) -> None:
    job = world.drawn()
    before = first(world, job)
    refuse_first(world, job, REDRAWN)
    (item,) = refuse_first(world, job, REDRAWN).redraw
    world.images.failures = [Refused("IMAGE_SAFETY")] * 3

    assert draw(world, job, item) == "given_up"

    scene = first(world, job)
    assert (scene.state, scene.keyframe("start"), scene.keyframe("end")) == (
        SceneState.FILTERED,
        before.start,
        before.end,
    )
    assert scene.rewording is None
    assert scene.problem is not None
    assert scene.problem.code == "keyframe_refused"
    assert world.poll(job).state == "done"
    assert world.jobs.get_job(job.id).value.state is JobState.STITCH


def test_refused_redraw_does_not_end_a_scene_when_it_was_edited_meanwhile(world: FakeServices) -> None:
    job = world.drawn()
    refuse_first(world, job, REDRAWN)
    (item,) = refuse_first(world, job, REDRAWN).redraw
    paint = world.images.generate_image

    def edited(*arguments: object) -> object:
        read = world.jobs.get_scene(job.id, "scene-01")
        if len(world.images.failures) == 1:  # the last try is on its way
            world.jobs.write(Replace(job.id, read, read.value.evolve(take=3)))
        return paint(*arguments)  # type: ignore[arg-type]

    world.images.failures = [Refused("IMAGE_SAFETY")] * 3
    world.images.generate_image = edited  # type: ignore[method-assign,assignment]
    draw(world, job, item)

    assert (first(world, job).state, first(world, job).problem) == (SceneState.PENDING, None)


def test_resumed_scene_is_filmed_from_its_old_keyframes_when_the_redraw_was_refused(
    world: FakeServices,
) -> None:
    job = world.drawn(on_scene_failure="fail")
    refuse_first(world, job, REDRAWN)
    (item,) = refuse_first(world, job, REDRAWN).redraw
    world.images.failures = [Refused("IMAGE_SAFETY")] * 3
    draw(world, job, item)
    polled = world.poll(job)
    assert polled.state == "failed"
    assert polled.problem is not None
    job_lifecycle.fail(job.id, job.run, polled.problem, world)
    world.clock.pass_s(1)

    resumed = job_lifecycle.resume(job.id, None, world)
    world.poll(resumed)
    world.submit_queued()

    assert (first(world, job).state, first(world, job).take) == (SceneState.FILMING, 2)


def test_refused_sound_is_requested_once_more_unchanged_then_left_out_at_the_silent_price(
    world: FakeServices,
) -> None:
    job = world.drawn()
    refuse_first(world, job, "audio")
    refuse_first(world, job, "audio")
    world.submit_queued()

    sent, repeated, silent = (
        shot for shot in world.video.requests if shot.first_uri == world.video.requests[0].first_uri
    )
    assert repeated == sent
    assert (silent.prompt, silent.audio) == (sent.prompt, False)
    loud, *_, quiet = calls(world, job, "clip/scene-01")
    assert quiet.reserved_micros == loud.reserved_micros // 2
    assert [one.remedy for one in first(world, job).tries] == ["repeat", "mute"]
    assert not calls(world, job, "rewrite/")
    assert len(world.images.requests) == 4


def test_refused_sound_that_passes_when_repeated_stays_in_the_film_without_a_warning(world: FakeServices) -> None:
    job = world.drawn()
    refuse_first(world, job, "audio")
    world.submit_queued()
    finish(world, job)

    assert world.video.requests[-1].audio
    assert world.jobs.get_job(job.id).value.warnings == ()


def test_film_that_wants_no_sound_has_none_to_leave_out(world: FakeServices) -> None:
    job = world.drawn(clip_audio=False)
    refuse_first(world, job, "audio")
    refuse_first(world, job, "audio")

    assert first(world, job).is_given_up


def test_fallback_films_at_its_price_when_a_model_keeps_failing(world: FakeServices) -> None:
    job = world.drawn()
    for _ in range(3):
        refuse_first(world, job, PROVIDER_FAILED)
    world.submit_queued()

    assert [shot.model for shot in world.video.requests[-2:]] == ["veo-3.1-generate-001", "gemini-omni-1.2-flash"]
    fallback = calls(world, job, "clip/scene-01")[-1]
    assert (fallback.model, fallback.state) == ("gemini-omni-1.2-flash", CallState.SENT)
    assert fallback.reserved_micros < 6 * 400_000


def test_warning_names_the_remedy_that_made_a_scene_possible(world: FakeServices) -> None:
    job = world.drawn()
    refuse_first(world, job, REWRITTEN)
    world.submit_queued()
    finish(world, job)

    assert world.jobs.get_job(job.id).value.warnings == (
        f"scene-01 was filmed in milder words: Support codes: {REWRITTEN}",
    )


def test_fallback_clip_is_polled_as_soon_as_that_model_can_be_ready(world: FakeServices) -> None:
    job = world.drawn()
    for _ in range(3):
        refuse_first(world, job, PROVIDER_FAILED)
    world.submit_queued()
    (running,) = [name for name, state in world.video.states.items() if isinstance(state, Running)]
    world.video.deliver(running)

    world.clock.pass_s(16)  # before the plan's own model could be
    assert world.poll(job).state == "done"


def test_fallback_is_no_remedy_when_it_cannot_film_the_format(world: FakeServices) -> None:
    job = world.drawn(models={"video": "veo-3.1-lite-generate-001"})
    for _ in range(3):
        refuse_first(world, job, PROVIDER_FAILED)

    scene = first(world, job)
    assert (scene.state, scene.problem and scene.problem.code) == (SceneState.FAILED, "clip_failed")


def test_both_texts_are_logged_when_a_prompt_is_cut_to_the_models_limit(
    world: FakeServices, caplog: pytest.LogCaptureFixture
) -> None:
    """B4."""
    job = world.drawn()
    read = world.jobs.get_scene(job.id, "scene-01")
    long = altered(read.value, motion_prompt="pan " * 499, description="word " * 399)
    world.jobs.write(Replace(job.id, read, long))

    world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 1))

    (record,) = [one for one in caplog.records if "prompt cut" in one.message]
    fields = record.__dict__["json_fields"]
    assert fields["original"].startswith(fields["kept"])
    assert len(fields["kept"]) <= 3500 < len(fields["original"])
    assert world.video.requests[-1].prompt == fields["kept"]
