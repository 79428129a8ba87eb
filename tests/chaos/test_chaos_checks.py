"""The chaos suite's own checks: each check finds its fault, and a seed always gives the same plan."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from tests.chaos import invariants
from tests.chaos.boundaries import Boundaries, name_of
from tests.chaos.evidence import Evidence, FilmInspection, name_calls
from tests.chaos.history import History
from tests.chaos.invariants import Check
from tests.chaos.owners import Population, Submission
from tests.chaos.plan import PlannedFilm

ROOT = Path(__file__).parents[2]
BUCKET = "gs://films/"
JOB = "job-1"
PREFIX = f"{BUCKET}jobs/{JOB}/clips/scene-01/call-clip/"
CLIP_URI, START_URI, FILM_URI = f"{PREFIX}7/sample_0.mp4", f"{BUCKET}jobs/{JOB}/keyframes/scene-01/start-a.png", "film"


def a_call(**changes: Any) -> dict[str, Any]:
    call = {
        "id": "call-clip",
        "kind": "video",
        "model": "veo",
        "scene": "scene-01",
        "purpose": "clip/scene-01",
        "take": 1,
        "attempt": 1,
        "digest": "d",
        "state": "SETTLED",
        "reserved_micros": 400_000,
        "cost_micros": 400_000,
        "storage_uri": CLIP_URI,
        "usage": None,
        "operation": None,
        "source": None,
    }
    return call | changes


PICTURE = a_call(
    id="call-picture", kind="image", model="painter", purpose="keyframe", cost_micros=67_000, storage_uri=START_URI
)


def a_line(**changes: Any) -> dict[str, Any]:
    return {"n": 1, "model": "veo", "micros": 400_000, "call": "call-clip", "outcome": "delivered"} | changes


def a_scene(**changes: Any) -> dict[str, Any]:
    keyframes = {"start": {"uri": START_URI}, "end": {"uri": START_URI}}
    scene = {"id": "scene-01", "frames": 96, "clip": {"uri": CLIP_URI}, "keyframes": keyframes, "attempts": []}
    return scene | changes


def rejected(call: str) -> dict[str, Any]:
    return {"call": call, "outcome": "defective"}


def a_job(**changes: Any) -> dict[str, Any]:
    job = {
        "id": JOB,
        "state": "COMPLETE",
        "request": {"prompt": "a kite", "transition": {"kind": "cut"}, "on_scene_failure": "still"},
        "scenes": [a_scene()],
        "output": {"frames": 96},
        "error": None,
    }
    return job | changes


def a_ledger(*calls: Mapping[str, Any], spent: int = 467_000, limit: int = 1_000_000) -> dict[str, Any]:
    totals = {"spent_micros": spent, "reserved_micros": 0, "limit_micros": limit}
    return {"calls": list(calls or (a_call(), PICTURE)), "totals": totals}


PICTURE_LINE = a_line(n=2, model="painter", micros=67_000, call=None)


@pytest.fixture
def sound() -> Evidence:
    """One film of one scene, with nothing wrong about it."""
    return Evidence(
        submissions=[Submission(PlannedFilm(1, {"scenes": 1, "prompt": "a kite"}), job_id=JOB, state="COMPLETE")],
        jobs={JOB: a_job()},
        ledgers={JOB: a_ledger()},
        bill=[a_line(), PICTURE_LINE],
        objects=frozenset({CLIP_URI, START_URI}),
        renders=[],
        films={
            JOB: FilmInspection(
                has_reported_length=True, recognised={"scene-01": "scene-01"}, likeness_db={"scene-01": 40.0}
            )
        },
        bucket=BUCKET,
        faults_seen={},
    )


RENDERING = {"id": "r", "job": JOB, "state": "RENDERING", "lease": {"until": "2999-01-01T00:00:00Z"}}
LOST = a_call(state="LOST", cost_micros=0, storage_uri=None)
REFILMED_URI = f"{BUCKET}jobs/{JOB}/clips/scene-01/call-second/8/sample_0.mp4"
REFILMED = a_call(id="call-second", take=2, storage_uri=REFILMED_URI)
TWICE_REFILMED = {
    "jobs": {JOB: a_job(scenes=[a_scene(attempts=[rejected("call-clip"), rejected("call-second")])])},
    "ledgers": {JOB: a_ledger(a_call(), REFILMED, a_call(id="call-third", take=3), PICTURE)},
}
COPY = a_call(
    id="call-copy",
    cost_micros=0,
    source={"job": JOB, "call": "call-clip"},
    storage_uri=f"{BUCKET}jobs/job-2/reused/call-clip.mp4",
)


def copied(**changes: Any) -> dict[str, Any]:
    """A second film, whose clip was copied from the first one's, with a fault."""
    return {"ledgers": {JOB: a_ledger(), "job-2": a_ledger(COPY | changes, spent=0)}}


WAITING = Submission(
    PlannedFilm(1, {"scenes": 1, "prompt": "a kite", "approval": "storyboard"}), job_id=JOB, state="COMPLETE"
)

CHECKED = Submission(PlannedFilm(1, {"scenes": 1, "prompt": "a kite", "checks": True}), job_id=JOB, state="COMPLETE")
MISSING = {"id": "sheet-01", "image": None, "error": None}

SPOILED: tuple[tuple[Check, dict[str, Any]], ...] = (
    (invariants.every_job_is_complete, {"jobs": {JOB: a_job(state="FAILED", error={"code": "x"})}}),
    (invariants.no_gate_is_passed_without_approval, {"submissions": [WAITING]}),
    (invariants.every_picture_is_checked_and_every_sheet_ended, {"submissions": [CHECKED]}),
    (invariants.every_picture_is_checked_and_every_sheet_ended, {"jobs": {JOB: a_job(sheets=[MISSING])}}),
    (invariants.one_job_per_request, {"jobs": {JOB: a_job(), "job-2": a_job(id="job-2")}}),
    (invariants.known_outcomes_equal_the_bill, {"bill": [a_line(micros=400_001), PICTURE_LINE]}),
    (invariants.known_outcomes_equal_the_bill, {"bill": [a_line(), PICTURE_LINE | {"micros": 66_999}]}),
    (invariants.known_outcomes_equal_the_bill, {"bill": [a_line(), a_line(call="call-9")]}),
    (invariants.known_outcomes_equal_the_bill, {"ledgers": {JOB: a_ledger(a_call(state="RELEASED"), PICTURE)}}),
    (invariants.ledger_covers_the_bill, {"bill": [a_line(), PICTURE_LINE, PICTURE_LINE]}),
    (invariants.ledger_covers_the_bill, {"ledgers": {JOB: a_ledger(LOST, PICTURE, spent=867_001)}}),
    (invariants.no_video_paid_twice, {"bill": [a_line(), a_line(n=3), PICTURE_LINE]}),
    (invariants.no_video_paid_twice, {"ledgers": {JOB: a_ledger(a_call(), a_call(id="call-2", attempt=2))}}),
    (invariants.no_video_paid_twice, {"ledgers": {JOB: a_ledger(a_call(), REFILMED, PICTURE)}}),
    (invariants.no_video_paid_twice, TWICE_REFILMED),
    (invariants.no_delivered_video_lost, {"jobs": {JOB: a_job(scenes=[a_scene(clip=None)])}}),
    (invariants.copies_are_free_and_name_their_source, copied(cost_micros=1)),
    (invariants.copies_are_free_and_name_their_source, copied(state="ADOPTED")),
    (invariants.copies_are_free_and_name_their_source, copied(operation="operations/1")),
    (invariants.copies_are_free_and_name_their_source, copied(source={"job": JOB, "call": "call-9"})),
    (invariants.copies_are_free_and_name_their_source, copied(source={"job": "job-2", "call": "call-copy"})),
    (invariants.copies_are_free_and_name_their_source, copied(storage_uri=CLIP_URI)),
    (invariants.budget_is_never_exceeded, {"ledgers": {JOB: a_ledger(limit=466_999)}}),
    (invariants.no_artifact_unreferenced, {"objects": frozenset({CLIP_URI, START_URI, f"{BUCKET}jobs/{JOB}/x"})}),
    (invariants.no_reference_dangles, {"objects": frozenset({CLIP_URI})}),
    (invariants.every_film_is_right, {"jobs": {JOB: a_job(output={"frames": 95})}}),
    (
        invariants.every_film_is_right,
        {"films": {JOB: FilmInspection(True, {"scene-01": "scene-02"}, {"scene-01": 40.0})}},
    ),
    (invariants.every_film_is_right, {"films": {JOB: FilmInspection(True, {}, {})}}),
    (
        invariants.every_film_is_right,
        {"films": {JOB: FilmInspection(False, {"scene-01": "scene-01"}, {"scene-01": 40.0})}},
    ),
    (invariants.no_lease_left, {"ledgers": {JOB: a_ledger(a_call(state="UNCERTAIN"))}}),
    (invariants.no_lease_left, {"renders": [RENDERING]}),
    (invariants.unreadable_documents_are_reported, {"unreadable": {"jobs/job-2": False}}),
    (invariants.no_process_left, {"left_processes": ["python"]}),
)


def test_checks_find_nothing_when_a_run_is_sound(sound: Evidence) -> None:
    assert invariants.broken(sound) == []


@pytest.mark.parametrize(("check", "change"), SPOILED, ids=lambda value: getattr(value, "__name__", ""))
def test_check_names_the_fault_when_one_thing_is_wrong(sound: Evidence, check: Check, change: dict[str, Any]) -> None:
    assert list(check(replace(sound, **change)))


def test_every_check_is_seen_to_complain() -> None:
    assert {check for check, _ in SPOILED} == set(invariants.ALL)


def test_ledger_covers_a_lost_call_whether_it_was_billed_or_not(sound: Evidence) -> None:
    ledgers = {JOB: a_ledger(LOST, PICTURE)}

    assert list(invariants.ledger_covers_the_bill(replace(sound, ledgers=ledgers))) == []
    assert list(invariants.ledger_covers_the_bill(replace(sound, ledgers=ledgers, bill=[PICTURE_LINE]))) == []


def test_scene_is_paid_a_second_time_when_its_first_clip_was_unusable(sound: Evidence) -> None:
    lines = [*sound.bill, a_line(n=3, call="call-second")]
    second = {"clip": {"uri": REFILMED_URI}, "attempts": [rejected("call-clip")]}
    refilmed = replace(
        sound,
        jobs={JOB: a_job(scenes=[a_scene(**second)])},
        ledgers={JOB: a_ledger(a_call(), REFILMED, PICTURE, spent=867_000)},
        bill=lines,
        objects=sound.objects | {REFILMED_URI},
    )

    assert invariants.broken(refilmed) == []
    assert list(invariants.no_delivered_video_lost(replace(refilmed, jobs={JOB: a_job(scenes=[a_scene()])})))


def test_ledger_counts_the_reserve_when_an_answer_did_not_report_its_usage(sound: Evidence) -> None:
    assumed = PICTURE | {"reserved_micros": 75_000, "cost_micros": 75_000, "usage": {"assumed": ["picture"]}}
    evidence = replace(sound, ledgers={JOB: a_ledger(a_call(), assumed, spent=475_000)})

    assert invariants.broken(evidence) == []
    assert list(invariants.ledger_covers_the_bill(replace(evidence, bill=[*evidence.bill, PICTURE_LINE])))


OMNI_CLIP = a_call(model="gemini-omni-1.2-flash")
COUNTED = {"input": 2_300, "output": 0, "picture": 40_000, "assumed": []}


def test_ledger_counts_the_reserve_when_a_clip_did_not_report_its_tokens(sound: Evidence) -> None:
    evidence = replace(sound, ledgers={JOB: a_ledger(OMNI_CLIP, PICTURE)}, bill=[a_line(micros=390_000), PICTURE_LINE])

    assert invariants.broken(evidence) == []
    above = replace(evidence, bill=[a_line(micros=400_001), PICTURE_LINE])
    assert list(invariants.known_outcomes_equal_the_bill(above))
    reported = replace(evidence, ledgers={JOB: a_ledger(OMNI_CLIP | {"usage": COUNTED}, PICTURE)})
    assert list(invariants.known_outcomes_equal_the_bill(reported))
    assert list(invariants.ledger_covers_the_bill(reported))


def test_absent_clip_may_be_named_when_its_scene_reports_it_as_missing(sound: Evidence) -> None:
    absent = replace(sound, objects=frozenset({START_URI}), jobs={JOB: a_job(scenes=[a_scene(clip=None)])})
    missing = a_scene(clip=None, attempts=[{"call": "call-clip", "outcome": "missing"}])
    reported = replace(absent, jobs={JOB: a_job(scenes=[missing])})

    assert list(invariants.no_reference_dangles(absent))
    assert list(invariants.no_reference_dangles(reported)) == []
    assert list(invariants.no_delivered_video_lost(reported)) == []


def test_both_bills_name_the_calls_that_they_are_for() -> None:
    vertex: list[dict[str, Any]] = [
        {"micros": 1, "storage_uri": PREFIX, "operation": "o"},
        {"micros": 2, "storage_uri": None},
    ]
    replicate = [{"micros": 3, "operation": "prediction-1"}, {"micros": 4, "operation": "prediction-2"}]
    ledgers = {JOB: a_ledger(a_call(operation=None), a_call(id="call-2", operation="prediction-1"))}

    lines = name_calls(vertex, replicate, ledgers)

    assert [(line["micros"], line["call"]) for line in lines] == [
        (1, "call-clip"),
        (2, None),
        (3, "call-2"),
        (4, "prediction-2"),  # of no call: known_outcomes_equal_the_bill names it
    ]


def test_keyframe_may_stay_in_the_bucket_when_its_call_is_lost(sound: Evidence) -> None:
    leftover = f"{BUCKET}jobs/{JOB}/keyframes/scene-01/start-abc.png"
    spoiled = replace(sound, objects=sound.objects | {leftover})
    lost = PICTURE | {"id": "call-lost", "state": "LOST", "digest": "abc", "storage_uri": None}

    assert list(invariants.no_artifact_unreferenced(spoiled)) == [leftover]
    excused = replace(spoiled, ledgers={JOB: a_ledger(a_call(), PICTURE, lost)})
    assert list(invariants.no_artifact_unreferenced(excused)) == []


def test_every_check_is_documented() -> None:
    documented = (ROOT / "docs" / "invariants.md").read_text()

    assert [check.__name__ for check in invariants.ALL if f"`{check.__name__}`" not in documented] == []


@pytest.mark.parametrize(
    ("path", "document", "name"),
    [
        ("jobs/job-1", {"state": "STITCH"}, "job STITCH"),
        ("jobs/job-1/scenes/scene-01", {"state": "DONE"}, "scene DONE"),
        ("jobs/job-1/calls/call-1", {"state": "SENT", "kind": "video"}, "video SENT"),
        ("jobs/job-1/calls/call-1", {"state": "SENT", "kind": "video", "operation": "o"}, "video named"),
        ("renders/digest", {"state": "RENDERING"}, "render RENDERING"),
    ],
)
def test_document_is_at_the_boundary_of_its_state(path: str, document: dict[str, Any], name: str) -> None:
    assert name_of(path, document) == name


def test_boundary_is_not_reached_a_second_time_when_a_document_keeps_its_state(tmp_path: Path) -> None:
    boundaries = Boundaries(History(tmp_path / "history.txt"))

    for state in ("KEYFRAMES", "KEYFRAMES", "STITCH"):
        boundaries.reached("jobs/job-1", {"state": state})

    assert boundaries.seen == {"job KEYFRAMES": 1, "job STITCH": 1}
    assert "job STITCH" in (tmp_path / "history.txt").read_text()


def test_jobs_begin_evenly_over_the_kills_and_all_at_once_when_no_kills_are_left() -> None:
    population, peace, never = Population(jobs=10, at_once=4, kills=100), Event(), Event()
    peace.set()
    for _ in range(4):
        population.enter(lambda: 0, never)

    assert not population.has_room(0)
    assert population.has_room(50)
    population.enter(lambda: 0, peace)
    assert population.alive == 5
