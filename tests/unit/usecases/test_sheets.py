"""Sheets: drawn first, paid by the plan, seen by every keyframe that shows what they show, and never a film's end."""

import json

import pytest

from promptreel.domain.edits import parse_edit
from promptreel.domain.job import Animatic, Job, Wave
from promptreel.domain.request import Approval
from promptreel.domain.sheet import Sheet
from promptreel.domain.states import CallState, JobState, SceneState
from promptreel.domain.tariffs import ReportedUsage
from promptreel.ports.models import Declined
from promptreel.ports.storage import Replace
from promptreel.usecases import job_lifecycle
from promptreel.usecases.accept_upgrade import accept_upgrade
from promptreel.usecases.artifact_integrity import ArtifactDamaged
from promptreel.usecases.draw_keyframe import DrawKeyframe
from promptreel.usecases.draw_sheet import DrawSheet
from promptreel.usecases.edit_plan import PlanEdited, edit_plan
from promptreel.usecases.fail_job import FailJob
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.open_job import OpenJob
from tests.fakes.hooks import HookedWorld, Killed
from tests.fakes.models import a_storyboard
from tests.fakes.services import FakeServices
from tests.unit.usecases.test_damaged_keyframes import damage

REFUSED = Declined("It will not.", ("SAFETY",), ReportedUsage(input=500, output=40, picture=0))
BOARD = a_storyboard() | {
    "characters": [
        {"name": "Mira", "description": "red hair", "clothing": "a blue jumper"},
        {"name": "Otto", "description": "a grey dog"},
    ],
    "settings": [{"name": "the pier", "description": "of old planks"}],
    "props": [{"name": "lamp", "description": "brass, round"}, {"name": "unused", "description": "nowhere"}],
    "scenes": [
        {
            "description": description,
            "start_frame_prompt": f"start of {number}",
            "end_frame_prompt": f"end of {number}",
            "motion_prompt": f"motion of {number}",
            "transition_note": "they walk on",
            "characters": characters,
            "settings": settings,
            "props": props,
            "light": light,
        }
        for number, (description, characters, settings, props, light) in enumerate(
            [
                ("She walks", ["Mira"], ["the pier"], ["lamp"], "dawn"),
                ("They meet", ["Mira", "Otto"], ["the pier"], [], "noon"),
                ("He sleeps", ["Otto"], [], [], "night"),
            ],
            start=1,
        )
    ],
}
EVERYTHING = {"sheet-01": "Mira", "sheet-02": "Otto", "sheet-03": "lamp", "sheet-04": "the pier"}


def planned(world: FakeServices, **request: object) -> Job:
    world.text.answers.append(json.dumps(BOARD))
    return world.planned(continuity="sheet", **request)


def sheets(world: FakeServices, job: Job) -> dict[str, Sheet]:
    return {read.value.name: read.value for read in world.jobs.list_sheets(job.id)}


def draw_sheets(world: FakeServices, job: Job) -> list[str]:
    return [world.draw_sheet(DrawSheet(job.id, job.run, one.sheet, one.take)).state for one in waves(job)[0].sheets]


def waves(job: Job) -> tuple[Wave, ...]:
    return job.require_plan().waves


def paid(world: FakeServices, job: Job) -> list[str]:
    calls = [read.value for read in world.jobs.list_calls(job.id)]
    return sorted(call.purpose for call in calls if call.kind == "image" and call.state is CallState.SETTLED)


def test_plan_has_a_wave_of_sheets_and_one_of_all_keyframes(world: FakeServices) -> None:
    job = planned(world)

    assert {one.id: one.name for one in sheets(world, job).values()} == EVERYTHING
    first, second = waves(job)
    assert ([item.sheet for item in first.sheets], first.items) == (list(EVERYTHING), ())
    assert [(item.scene, item.frame) for item in second.items] == [
        ("scene-01", "start"),
        ("scene-01", "end"),
        ("scene-02", "end"),
        ("scene-03", "end"),
    ]
    assert job.require_plan().continuity.mode == "sheet"


def test_sheets_show_clothing_and_the_lights_of_their_scenes(world: FakeServices) -> None:
    made = sheets(world, planned(world))

    assert made["Mira"].description == "red hair Wears: a blue jumper"
    assert made["the pier"].views == ("dawn", "noon")
    assert (made["lamp"].kind, made["Mira"].kind, len(made["lamp"].views)) == ("prop", "character", 3)


def test_every_sheet_is_reserved_with_the_plan_in_one_batch(world: FakeServices) -> None:
    job = planned(world)

    calls = [read.value for read in world.jobs.list_calls(job.id)]
    reserved = {call.purpose for call in calls if call.state is CallState.PLANNED and call.reserved_micros > 0}
    assert {f"sheet/{one}" for one in EVERYTHING} <= reserved


def test_keyframes_are_drawn_from_the_sheets_of_what_they_show_in_any_order(world: FakeServices) -> None:
    job = planned(world)
    assert draw_sheets(world, job) == ["drawn"] * 4
    made = {name: sheet.image.uri for name, sheet in sheets(world, job).items() if sheet.image}
    world.images.requests.clear()

    for item in reversed(waves(job)[1].items):
        assert world.draw_keyframe(DrawKeyframe(job.id, job.run, item.scene, item.frame, item.take)).state == "drawn"

    last, middle, *firsts = [request.references for request in world.images.requests]
    assert last == (made["Otto"],)
    assert middle == (made["Mira"], made["Otto"], made["the pier"])
    assert firsts == [(made["Mira"], made["lamp"], made["the pier"])] * 2
    assert "Picture 1: Mira, seen from several sides" in world.images.requests[1].prompt
    scenes = [read.value for read in world.jobs.list_scenes(job.id)]
    assert [scene.state for scene in scenes] == [SceneState.QUEUED] * 3
    assert scenes[0].end == scenes[1].start
    assert world.jobs.get_job(job.id).value.state is JobState.VIDEO_GEN


def test_sheet_is_paid_once_when_requested_twice(world: FakeServices) -> None:
    job = planned(world)
    draw_sheets(world, job)

    assert draw_sheets(world, job) == ["drawn"] * 4
    assert len(world.images.requests) == 4


def test_keyframe_waits_for_its_sheets_and_no_others(world: FakeServices) -> None:
    job = planned(world)

    waiting = world.draw_keyframe(DrawKeyframe(job.id, job.run, "scene-03", "end"))
    assert (waiting.state, waiting.wait_s) == ("busy", 5.0)
    assert world.images.requests == []

    world.draw_sheet(DrawSheet(job.id, job.run, "sheet-02"))
    assert world.draw_keyframe(DrawKeyframe(job.id, job.run, "scene-03", "end")).state == "drawn"


def test_film_goes_on_without_a_sheet_that_is_refused(world: FakeServices) -> None:
    job = planned(world)
    world.images.failures = [REFUSED] * 3

    assert draw_sheets(world, job) == ["given_up", "drawn", "drawn", "drawn"]
    world.images.requests.clear()
    world.draw_all(job)

    problem = sheets(world, job)["Mira"].problem
    assert problem is not None
    assert problem.message == "Mira: the film goes on without a sheet of it: no picture in 3 tries: It will not."
    assert len(world.images.requests[0].references) == 2
    assert "Mira: red hair Wears: a blue jumper" in world.images.requests[0].prompt
    assert world.film_queued(job) == "done"
    world.give_film(job)
    assert world.close(job) == "complete"
    assert problem.message in world.jobs.get_job(job.id).value.warnings


def test_film_goes_on_without_a_sheet_when_the_budget_holds_no_second_attempt(world: FakeServices) -> None:
    job = planned(world)
    calls = [read.value for read in world.jobs.list_calls(job.id)]
    world.lower_limit(job, sum(call.counted_micros for call in calls))
    world.images.failures = [REFUSED]

    assert draw_sheets(world, job) == ["given_up", "drawn", "drawn", "drawn"]
    assert world.jobs.get_job(job.id).value.is_running


def test_stale_worker_draws_no_sheet(world: FakeServices) -> None:
    job = planned(world)

    assert world.draw_sheet(DrawSheet(job.id, job.run + 1, "sheet-01")).state == "superseded"
    assert world.draw_sheet(DrawSheet(job.id, job.run, "sheet-01", take=2)).state == "outdated"
    job_lifecycle.cancel(job.id, world)
    assert world.draw_sheet(DrawSheet(job.id, job.run, "sheet-01")).state == "superseded"
    assert world.images.requests == []


def test_resumed_job_draws_only_the_sheets_that_are_missing(world: FakeServices) -> None:
    job = planned(world)
    world.draw_sheet(DrawSheet(job.id, job.run, "sheet-02"))
    job_lifecycle.cancel(job.id, world)

    resumed = job_lifecycle.resume(job.id, None, world)
    assert resumed.state is JobState.KEYFRAMES
    assert world.write_storyboard(JobRun(job.id, resumed.run)).state == "planned"
    assert draw_sheets(world, resumed) == ["drawn"] * 4
    assert paid(world, job) == [f"sheet/{one}" for one in EVERYTHING]


def test_damaged_sheet_stops_the_job_and_is_drawn_again_when_it_is_resumed(world: FakeServices) -> None:
    job = planned(world)
    draw_sheets(world, job)
    mira = sheets(world, job)["Mira"]
    assert mira.image is not None
    damage(world, mira.image.uri, "changed")

    with pytest.raises(ArtifactDamaged, match="sheet-01: the sheet of Mira is no longer what was stored") as stopped:
        world.draw_keyframe(DrawKeyframe(job.id, job.run, "scene-01", "start"))
    world.fail_job(FailJob(job.id, job.run, {"code": stopped.value.code, "message": stopped.value.message}))
    resumed = job_lifecycle.resume(job.id, None, world)

    assert draw_sheets(world, resumed) == ["drawn"] * 4
    again = sheets(world, job)["Mira"].image
    assert again is not None
    assert again.uri != mira.image.uri
    assert world.draw_keyframe(DrawKeyframe(job.id, resumed.run, "scene-01", "start")).state == "drawn"


def test_equal_sheets_of_one_owner_are_copied(world: FakeServices) -> None:
    first = planned(world, seed=7)
    draw_sheets(world, first)
    world.text.answers.append(json.dumps(BOARD))
    payload = {"prompt": "A lighthouse keeper waits", "continuity": "sheet", "seed": 7, "checks": False}
    second_id = world.open_job(OpenJob("e-2", payload)).job_id
    world.write_storyboard(JobRun(second_id, 1))

    second = world.jobs.get_job(second_id).value
    assert draw_sheets(world, second) == ["drawn"] * 4
    assert len(world.images.requests) == 4
    assert {sheet.image.uri.split("/")[4] for sheet in sheets(world, second).values() if sheet.image} == {second_id}


def at_gate(world: FakeServices) -> Job:
    """A film in sheet mode at the gate after its keyframes."""
    job = planned(world, approval="animatic")
    world.draw_all(job)
    read = world.jobs.get_job(job.id)
    animatic = Animatic(uri="gs://artifacts/a.mp4", frames=432)
    world.jobs.write(Replace(job.id, read, read.value.evolve(animatic=animatic)))
    assert world.close(job) == "awaiting_approval"
    return world.jobs.get_job(job.id).value


def edit(world: FakeServices, job: Job, **fields: object) -> PlanEdited:
    return edit_plan(job.id, parse_edit({"revision": job.require_plan().revision, **fields}), world)


def redrawn(world: FakeServices, job: Job) -> list[str]:
    """What is paid after an approval."""
    before = paid(world, job)
    job_lifecycle.approve(job.id, Approval(gate="keyframes"), world)
    running = world.jobs.get_job(job.id).value
    world.draw_all(running)
    after = paid(world, job)
    for purpose in before:
        after.remove(purpose)
    return after


@pytest.mark.parametrize(
    ("change", "sheet", "keyframes"),
    [
        ({"characters": [{"name": "Otto", "description": "a black dog"}]}, "Otto", ["scene-02/end", "scene-03/end"]),
        (
            {"characters": [{"name": "Mira", "clothing": "a red coat"}]},
            "Mira",
            ["scene-01/start", "scene-01/end", "scene-02/end"],
        ),
        ({"props": [{"name": "lamp", "description": "of tin"}]}, "lamp", ["scene-01/start", "scene-01/end"]),
        (
            {"settings": [{"name": "the pier", "description": "of stone"}]},
            "the pier",
            ["scene-01/start", "scene-01/end", "scene-02/end"],
        ),
        ({"props": [{"name": "unused", "description": "else"}]}, None, []),
    ],
)
def test_edited_description_redraws_its_sheet_and_the_keyframes_that_show_it(
    world: FakeServices, change: dict[str, object], sheet: str | None, keyframes: list[str]
) -> None:
    job = at_gate(world)

    edited = edit(world, job, **change)

    assert [one.name for one in edited.redrawn_sheets] == ([sheet] if sheet else [])
    assert [f"{item.scene}/{item.frame}" for item in edited.redrawn] == keyframes
    number = {name: sheet_id for sheet_id, name in EVERYTHING.items()}
    drawn = [*(f"keyframe/{one}" for one in keyframes), *([f"sheet/{number[sheet]}"] if sheet else [])]
    assert redrawn(world, job) == sorted(drawn)


@pytest.mark.parametrize(
    ("scene", "field", "keyframe"),
    [("scene-01", "start_prompt", "start"), ("scene-01", "end_prompt", "end"), ("scene-02", "end_prompt", "end")],
)
def test_edited_prompt_redraws_its_keyframe_and_no_other(
    world: FakeServices, scene: str, field: str, keyframe: str
) -> None:
    job = at_gate(world)
    before = {read.value.id: read.value for read in world.jobs.list_scenes(job.id)}

    edited = edit(world, job, scenes=[{"scene": scene, field: "something else entirely"}])

    assert [(item.scene, item.frame) for item in edited.redrawn] == [(scene, keyframe)]
    assert edited.redrawn_sheets == ()
    assert redrawn(world, job) == [f"keyframe/{scene}/{keyframe}"]
    scenes = [read.value for read in world.jobs.list_scenes(job.id)]
    assert all(one.keyframes_drawn for one in scenes)
    assert scenes[0].end == scenes[1].start
    assert scenes[2].end == before["scene-03"].end


def test_edit_that_names_somebody_new_draws_a_sheet_of_them(world: FakeServices) -> None:
    job = at_gate(world)

    edit(world, job, scenes=[{"scene": "scene-03", "end_prompt": "the unused in the grass"}])

    assert [sheet.name for sheet in sheets(world, job).values() if sheet.is_awaited] == ["unused"]
    assert redrawn(world, job) == ["keyframe/scene-03/end", "sheet/sheet-05"]


def test_new_order_redraws_nothing(world: FakeServices) -> None:
    job = at_gate(world)

    edited = edit(world, job, order=["scene-01", "scene-03", "scene-02"])

    assert (edited.redrawn, edited.redrawn_sheets) == ((), ())
    assert redrawn(world, job) == []
    first, second, third = (read.value for read in world.jobs.list_scenes(job.id))
    assert (second.start, third.start) == (first.end, second.end)


def test_no_sheet_is_paid_twice_when_the_step_is_killed_at_any_call() -> None:
    def plan_in(world: HookedWorld) -> Job:
        return planned(world)

    undisturbed = HookedWorld()
    job = plan_in(undisturbed)
    undisturbed.called = []
    undisturbed.draw_sheet(DrawSheet(job.id, job.run, "sheet-01"))
    for number, name in enumerate(undisturbed.called):
        world = HookedWorld()
        job = plan_in(world)

        def kill(_: str) -> None:
            raise Killed

        world.at(number, kill)
        with pytest.raises(Killed):
            world.draw_sheet(DrawSheet(job.id, job.run, "sheet-01"))
        for _ in range(20):
            if world.draw_sheet(DrawSheet(job.id, job.run, "sheet-01")).state == "drawn":
                break
            world.clock.pass_s(60)
        made = [read.value for read in world.jobs.list_calls(job.id) if read.value.purpose == "sheet/sheet-01"]
        sent = [call for call in made if call.sent_at is not None]
        lost = sum(call.state is CallState.LOST for call in made)
        assert sheets(world, job)["Mira"].drawn is not None, (number, name)
        assert len(world.images.requests) <= len(sent), (number, name)
        assert len(sent) == 1 + lost, (number, name)


def test_upgraded_film_takes_its_sheets_over(world: FakeServices) -> None:
    job = planned(world)
    draw_sheets(world, job)
    world.draw_all(job)
    assert world.film_queued(job) == "done"
    world.give_film(job)
    world.close(job)
    film = world.jobs.get_job(job.id).value
    better = accept_upgrade("job-better", film, {"models": {"video": "veo-3.1-fast-generate-001"}}, world)
    requests = len(world.images.requests)
    world.open_job(OpenJob("e-2", {"job_id": better.id, "run": better.run}))
    assert world.write_storyboard(JobRun(better.id, better.run)).state == "planned"

    upgraded = world.jobs.get_job(better.id).value
    copies = sheets(world, upgraded)
    assert {name: sheet.image.checksum for name, sheet in copies.items() if sheet.image} == {
        name: sheet.image.checksum for name, sheet in sheets(world, film).items() if sheet.image
    }
    assert all(sheet.image and f"/{better.id}/" in sheet.image.uri for sheet in copies.values())
    assert upgraded.require_plan().continuity == film.require_plan().continuity
    world.draw_all(upgraded)
    assert len(world.images.requests) == requests


@pytest.mark.parametrize(
    ("board", "request_fields", "mode", "reason"),
    [
        (BOARD, {}, "sheet", "3 of its characters, places and props are in several of its 3 scenes"),
        (BOARD | {"scenes": BOARD["scenes"][:2]}, {"scenes": 2}, "chain", "fewer than 3 scenes"),  # type: ignore[index]
        (a_storyboard(characters=[], settings=[]), {}, "chain", "no character, place or prop is in two scenes"),
    ],
)
def test_auto_takes_sheets_where_something_recurs_and_says_why(
    world: FakeServices, board: dict[str, object], request_fields: dict[str, object], mode: str, reason: str
) -> None:
    world.text.answers.append(json.dumps(board))

    job = world.planned(continuity="auto", **request_fields)

    assert job.require_plan().continuity.mode == mode
    assert reason in (job.require_plan().continuity.reason or "")
    assert bool(sheets(world, job)) == (mode == "sheet")


def test_auto_takes_the_chain_when_the_budget_holds_no_sheets(world: FakeServices) -> None:
    dear = planned(world)
    with_sheets = sum(read.value.counted_micros for read in world.jobs.list_calls(dear.id))
    other = FakeServices()
    other.text.answers.append(json.dumps(BOARD))
    job = other.opened(continuity="auto")
    other.lower_limit(job, with_sheets - 1)
    assert other.write_storyboard(JobRun(job.id, job.run)).state == "planned"

    continuity = other.jobs.get_job(job.id).value.require_plan().continuity
    assert continuity.mode == "chain"
    assert continuity.reason is not None
    assert continuity.reason.startswith("with sheets the film needs up to ")
    assert not [read for read in other.jobs.list_calls(job.id) if read.value.purpose.startswith("sheet/")]


def test_film_that_shows_nobody_is_a_chain_and_says_so(world: FakeServices) -> None:
    world.text.answers.append(json.dumps(a_storyboard(characters=[], settings=[])))

    job = world.planned(continuity="sheet")

    assert (job.require_plan().continuity.mode, len(waves(job))) == ("chain", 4)
    assert job.warnings == (
        "continuity: a chain and no sheets: no scene shows a character, place, prop or product of the storyboard.",
    )


def test_plan_of_an_older_version_is_a_chain_without_sheets(world: FakeServices) -> None:
    stored = world.planned().to_json()
    for field in ("continuity", "props"):
        del stored["plan"][field]
    for wave in stored["plan"]["waves"]:
        del wave["sheets"]

    plan = Job.from_json(stored, "jobs/job-1").require_plan()

    assert (plan.continuity.mode, plan.props, plan.waves[0].sheets) == ("chain", (), ())
