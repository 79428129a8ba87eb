"""Tables and lines of text, as printed."""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console, RenderableType

from client.views import (
    change_lines,
    dollars,
    elapsed_time,
    job_view,
    jobs_view,
    ledger_view,
    models_view,
    plain,
    plan_lines,
    result_view,
)

NOW = datetime(2026, 11, 21, 9, 0, 47, tzinfo=UTC)


def drawn(view: RenderableType) -> list[str]:
    """The printed lines without colours and trailing blanks."""
    console = Console(file=io.StringIO(), record=True, width=80, force_terminal=True, color_system="truecolor")
    console.print(view)
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_job_view_of_a_running_job_has_one_line_per_scene(
    job_json: Callable[..., Any], scene_json: Callable[..., Any]
) -> None:
    scenes = [
        scene_json(4, description="A warm beam sweeps over the water and the boat turns towards it"),
        scene_json(1, drawn=2, state="DONE", attempts=[{}], description="Mira climbs the stair"),
        scene_json(2, drawn=2, state="FILMING", attempts=[{}, {}], description="The match goes out"),
        scene_json(3, drawn=1, state="FILTERED", attempts=[{}], error={"message": "Refused for safety.\x1b[2J\n"}),
    ]
    job = job_json(
        state="KEYFRAMES",
        progress={"stage": "KEYFRAMES", "scenes_total": 4, "scenes_done": 1, "fraction": 0.5},
        scenes=scenes,
        budget={"limit_usd": "5.00", "reserved_usd": "3.20", "spent_usd": "1.234567"},
    )

    assert drawn(job_view(job, NOW)) == [
        "The Light",
        "film-3f9a2c",
        "KEYFRAMES  ━━━━━━━━━━╺━━━━━━━━━  50%  $1.234567 of $5.00  0:47",
        "",
        "#  SCENE                                  STATE     KEYFRAMES  CLIP     ATTEMPTS",
        "1  Mira climbs the stair                  DONE      ●●         ready           1",
        "2  The match goes out                     FILMING   ●●         filming         2",
        "3  Refused for safety.[2J                 FILTERED  ●○         refused         1",
        "4  A warm beam sweeps over the water an…  PENDING   ○○",
    ]


@pytest.mark.parametrize("state", ["KEYFRAMES", "COMPLETE"])
def test_job_view_shows_values_read_from_the_prompt_and_each_warning_once(
    job_json: Callable[..., Any], state: str
) -> None:
    inferred = [{"field": "duration_s", "value": 30, "words": "30 seconds"}]
    job = job_json(state=state, inferred=inferred, warnings=["The film is planned as 16 s."])

    lines = [line for line in drawn(job_view(job, NOW)) if line.startswith(("Read", "Warning"))]

    assert lines == ["Read     30 s from “30 seconds”", "Warning  The film is planned as 16 s."]


def test_job_view_of_a_complete_job_shows_the_length_of_the_film(
    job_json: Callable[..., Any], film_output: dict[str, Any]
) -> None:
    job = job_json(state="COMPLETE", output=film_output, warnings=["Scene 3 is a still."])

    lines = drawn(job_view(job, NOW))

    assert lines[-2:] == ["Warning  Scene 3 is a still.", "Film     32 s, 768 frames"]
    assert lines[2].endswith("1:30")  # the time ends with the job's last change


def test_result_view_of_a_failed_job_shows_error_and_fix(job_json: Callable[..., Any]) -> None:
    error = {
        "code": "budget_exceeded",
        "message": "The plan needs $6.40.",
        "remedy": "Raise the limit.",
        "step": "write_storyboard",
        "scene": None,
    }

    assert drawn(result_view(job_json(state="FAILED", error=error))) == [
        "Error    The plan needs $6.40. (write_storyboard)",
        "Fix      Raise the limit.",
    ]


def test_jobs_view_has_one_line_per_job_and_the_option_for_the_next_page(job_json: Callable[..., Any]) -> None:
    page: Any = {"jobs": [job_json(), job_json(id="film-2", title=None)], "next_page_token": "abc"}

    assert drawn(jobs_view(page)) == [
        "JOB          STATE    CREATED           FILM",
        "film-3f9a2c  PENDING  2026-11-21 09:00  The Light",
        "film-2       PENDING  2026-11-21 09:00",
        "More: --page abc",
    ]


def test_plan_lines_name_each_model_with_its_reason(job_json: Callable[..., Any]) -> None:
    model = {"kind": "video", "id": "veo-9", "reason": "the cheapest\x1b[2J\n for quality draft"}

    assert [line.plain for line in plan_lines(job_json(models=[model]))] == [
        "Model    video veo-9: the cheapest[2J for quality draft"
    ]
    assert plan_lines(job_json()) == []


def test_models_view_has_one_line_per_resolution_and_the_smallest_frames_first(model_json: Callable[..., Any]) -> None:
    frames = {"1080p": {"16:9": [1920, 1080]}, "360p": {"16:9": [640, 360]}}
    seconds = {"1080p": [8], "360p": list(range(3, 11))}
    price = {"per_second_micros": {"with_audio": {"1080p": 104_256, "360p": 23_172}, "silent": None}}
    writer = {"id": "gemini-9", "kind": "text", "stage": "preview", "retires_not_before": "2027-09-02"}
    omni = model_json("omni-9", frame_px=frames, seconds=seconds, sound="always", price=price)
    silent = model_json(
        "mute-9", sound="never", price={"per_second_micros": {"with_audio": None, "silent": {"720p": 5}}}
    )

    assert drawn(models_view({"at": "", "models": [model_json("x") | writer, model_json("veo-9"), omni, silent]})) == [
        "MODEL    KIND  STAGE   END        SIZE  SEC   SOUND       USD/S",
        "gemini-9 text  preview 2027-09-02",
        "veo-9    video ga                 720p  4 6 8 optional     0.40",
        "omni-9   video ga                 360p  3-10  always   0.023172",
        "                                  1080p 8     always   0.104256",
        "mute-9   video ga                 720p  4 6 8 never    0.000005",
        "USD/S is with sound where a model films it; --json has the other prices.",
    ]


def test_models_view_names_models_near_or_past_their_end_with_their_successors(model_json: Callable[..., Any]) -> None:
    soon = model_json("a", ends_soon=True, retires_not_before="2027-05-04", replaced_by="b")
    past = model_json("c", ends_soon=True, has_ended=True, retires_not_before="2027-01-01")

    assert drawn(models_view({"at": "", "models": [soon, past, model_json("b")]}))[-3:] == [
        "Ends     a may be switched off from 2027-05-04 on; b takes its place where it",
        "fits.",
        "Ended    c may be switched off from 2027-01-01 on.",
    ]


def test_models_view_says_once_for_each_reason_which_models_are_off_and_the_way_out(
    model_json: Callable[..., Any],
) -> None:
    off = {"code": "backend_off", "message": "Off.", "remedy": "Leave out `models.video`."}
    retired = {"code": "model_retired", "message": "Retired.", "remedy": "Name b instead."}
    models = [model_json("a", obstacle=off), model_json("b"), model_json("c", obstacle=off)]

    assert drawn(models_view({"at": "", "models": [*models, model_json("d", obstacle=retired)]}))[-2:] == [
        "Off here a, c. Leave out `models.video`.",
        "Off here d. Name b instead.",
    ]


def test_ledger_view_shows_every_call_in_order_of_time_and_the_sums() -> None:
    call = {"purpose": "storyboard", "model": "gemini", "state": "SETTLED", "attempt": 1, "at": "2026-11-21T09:00:01Z"}
    later = {"purpose": "clip/scene-01", "model": "veo", "at": "2026-11-21T09:00:02Z"}
    ledger: Any = {
        "calls": [
            call | later | {"state": "LOST", "counted_micros": 3_200_000, "counted_as": "spent"},
            call | {"counted_micros": 1_250, "counted_as": "spent"},
            call | later | {"state": "SENT", "counted_micros": 400_000, "counted_as": "reserved"},
        ],
        "totals": {"limit_micros": 5_000_000, "reserved_micros": 400_000, "spent_micros": 3_201_250},
    }

    assert drawn(ledger_view(ledger)) == [
        "PURPOSE        MODEL        STATE    ATTEMPT  RESERVED      COST",
        "storyboard     gemini       SETTLED        1            $0.00125",
        "clip/scene-01  veo          LOST           1               $3.20",
        "clip/scene-01  veo          SENT           1     $0.40",
        "Total          limit $5.00                 3     $0.40  $3.20125",
    ]


def test_ledger_view_names_the_job_that_an_artifact_was_copied_from() -> None:
    call = {"purpose": "clip/scene-01", "model": "veo", "state": "SETTLED", "attempt": 1, "at": "2026-11-21T09:00:01Z"}
    counted = {"counted_micros": 0, "counted_as": "spent", "source": {"job": "job-0", "call": "call-0"}}
    ledger: Any = {
        "calls": [call | counted],
        "totals": {"limit_micros": 5_000_000, "reserved_micros": 0, "spent_micros": 0},
    }

    assert "SETTLED, copied from job-0" in drawn(ledger_view(ledger))[1]


def test_ledger_view_shows_the_whole_purpose_on_a_narrow_terminal() -> None:
    call = {"purpose": "keyframe/scene-01/start", "model": "gemini-3.1-flash-image", "state": "SETTLED", "attempt": 1}
    ledger: Any = {
        "calls": [call | {"at": "2026-11-21T09:00:01Z", "counted_micros": 67_425, "counted_as": "spent"}],
        "totals": {"limit_micros": 25_000_000, "reserved_micros": 0, "spent_micros": 67_425},
    }

    assert drawn(ledger_view(ledger))[1].startswith("keyframe/scene-01/start  gemini-3.1-")


def test_change_lines_are_empty_when_nothing_changed(
    job_json: Callable[..., Any], scene_json: Callable[..., Any]
) -> None:
    job = job_json(scenes=[scene_json(1)])

    assert change_lines(job, job, NOW) == []


def test_change_lines_show_the_job_and_each_scene_that_changed(
    job_json: Callable[..., Any], scene_json: Callable[..., Any]
) -> None:
    before = job_json(state="KEYFRAMES", scenes=[scene_json(1, drawn=1), scene_json(2)])
    after = job_json(
        state="VIDEO_GEN", scenes=[scene_json(1, drawn=2, state="FILMING", attempts=[{}, {}]), scene_json(2)]
    )

    assert change_lines(before, after, NOW) == [
        "   0:47  film-3f9a2c  VIDEO_GEN  0%  $0.00 of $5.00",
        "   0:47  scene-01  FILMING  keyframes 2/2  attempt 2",
    ]


@pytest.mark.parametrize(
    ("usd", "text"), [("0.4", "$0.40"), ("12", "$12.00"), ("0.000125", "$0.000125"), ("1.50", "$1.50")]
)
def test_dollars_rounds_nothing_away(usd: str, text: str) -> None:
    assert dollars(usd) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (7.9, "0:07"), (750, "12:30"), (3723, "1:02:03"), (-2, "0:00")]
)
def test_elapsed_time_shows_hours_only_when_there_are_some(seconds: float, text: str) -> None:
    assert elapsed_time(NOW.isoformat(), NOW + timedelta(seconds=seconds)) == text


def test_plain_removes_escape_sequences() -> None:
    assert plain("Rain\x1b]0;pwned\x07 falls\r\n on glass") == "Rain]0;pwned falls on glass"


CHECK = {"state": "drift", "rounds": 3, "redrawn": 2, "failing": 1, "reason": None}


@pytest.mark.parametrize(
    ("check", "lines"),
    [
        (
            CHECK,
            [
                "Check    1 of the keyframes drift and stay, 2 drawn again.",
                "         scene-02, end: The coat is green.",
            ],
        ),
        ({**CHECK, "state": "passed"}, ["Check    the keyframes hold together, 2 drawn again."]),
        (
            {**CHECK, "state": "skipped", "reason": "no budget", "redrawn": 0},
            ["Check    the keyframes were not checked: no budget."],
        ),
        (None, []),
    ],
)
def test_job_view_shows_how_the_check_of_the_keyframes_ended(
    job_json: Callable[..., Any], scene_json: Callable[..., Any], check: Any, lines: list[str]
) -> None:
    old = {"frame": "end", "drift": "An older one.", "is_used": False}
    drift = "The coat is green." if check == CHECK else None
    scenes = [scene_json(2, verdicts=[old, {"frame": "end", "drift": drift, "is_used": True}])]
    shown = drawn(job_view(job_json(state="VIDEO_GEN", check=check, scenes=scenes), NOW))

    start = next((at for at, line in enumerate(shown) if line.startswith("Check")), 0)
    assert shown[start : start + len(lines)] == lines
    assert not any("older" in line for line in shown)
