"""The storyboard, and the reservation of the whole plan."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from promptreel.domain.call import CUT_OFF
from promptreel.domain.money import parse_usd
from promptreel.domain.states import CallState, JobState
from promptreel.domain.storyboard import Storyboard
from promptreel.domain.tariffs import ReportedUsage
from promptreel.errors import AnswerLost, BudgetExceeded, CallFailed, Refused, Rejected
from promptreel.ports.models import Declined, TextRequest, TextResult
from promptreel.ports.storage import Create, Replace
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.write_storyboard import DrawingWave
from tests.factories import a_call
from tests.fakes.models import TREATMENT, USAGE, FakeTextGenerator, a_storyboard
from tests.fakes.services import FakeServices


def test_every_keyframe_and_clip_is_reserved_when_the_storyboard_is_written(world: FakeServices) -> None:
    job = world.planned()

    calls = {read.value.purpose: read.value for read in world.jobs.list_calls(job.id)}
    assert job.state is JobState.KEYFRAMES
    assert set(calls) == {
        "treatment",
        "storyboard",
        "keyframe/scene-01/start",
        *(f"keyframe/scene-0{n}/end" for n in (1, 2, 3)),
        *(f"clip/scene-0{n}" for n in (1, 2, 3)),
    }
    assert calls["storyboard"].state is CallState.SETTLED
    assert {call.state for purpose, call in calls.items() if "/" in purpose} == {CallState.PLANNED}
    assert calls["clip/scene-01"].reserved_micros == 6 * 400_000


def test_storyboard_costs_its_tokens_when_settled(world: FakeServices) -> None:
    job = world.planned()

    (call,) = [read.value for read in world.jobs.list_calls(job.id) if read.value.purpose == "storyboard"]
    assert call.usage == USAGE
    assert call.cost_micros == (1000 * 750_000 + 2000 * 3_750_000) // 1_000_000


def test_storyboard_is_paid_once_when_requested_twice(world: FakeServices) -> None:
    job = world.planned()

    again = world.write_storyboard(JobRun(job.id, job.run))

    assert again.state == "planned"
    assert again.waves == DrawingWave.list_of(job.require_plan())
    assert len(world.text.requests) == 1


def test_answer_is_not_downloaded_by_the_call_that_received_it(world: FakeServices) -> None:
    job = world.opened()
    world.text.answers = ["no storyboard"]
    world.artifacts.get = None  # type: ignore[method-assign,assignment]

    assert world.write_storyboard(JobRun(job.id, job.run)).state == "planned"
    assert len(world.text.requests) == 2


def test_stored_answer_is_used_when_the_step_is_repeated_after_a_crash(world: FakeServices) -> None:
    job = world.opened()
    write, failures = world.jobs.write, [0]

    def fail_on_plan(*changes: object) -> None:
        if len(changes) > 2:  # the batch that stores the plan
            failures[0] += 1
            raise RuntimeError("killed")
        write(*changes)  # type: ignore[arg-type]

    world.jobs.write = fail_on_plan  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        world.write_storyboard(JobRun(job.id, job.run))
    world.jobs.write = write  # type: ignore[method-assign]
    written = world.write_storyboard(JobRun(job.id, job.run))

    assert failures == [1]
    assert written.state == "planned"
    assert len(world.text.requests) == 1


def test_repair_prompt_shows_the_answer_and_its_fault_when_an_answer_cannot_be_used(world: FakeServices) -> None:
    untitled = json.dumps(a_storyboard(title=""))
    world.text.answers = ["not json", untitled]

    job = world.planned()
    first, second, third = (request.prompt for request in world.text.requests)

    assert job.state is JobState.KEYFRAMES
    assert len({request.seed for request in world.text.requests}) == 3
    assert second.startswith(f"{first}\n<answer>\nnot json\n</answer>\nThe answer above cannot be used: ")
    assert "Invalid JSON" in second
    assert third.startswith(f"{first}\n<answer>\n{untitled}\n</answer>\nThe answer above cannot be used: title: ")
    assert "not json" not in third


@pytest.mark.parametrize(
    "failure", [AnswerLost("reset by peer"), Refused("SAFETY: blocked"), Declined("SAFETY", (), ReportedUsage())]
)
def test_prompt_carries_no_failure_of_an_earlier_call_when_no_answer_came(
    world: FakeServices, failure: CallFailed | Declined
) -> None:
    job = world.opened()
    world.text.answers = [failure, "not json", failure]
    with pytest.raises(Rejected):
        world.write_storyboard(JobRun(job.id, job.run))
    first, second, third = (request.prompt for request in world.text.requests)

    assert first == second
    assert failure.reason not in third
    assert "not json" in third


@pytest.mark.parametrize("motion", ["", " ", "\u200b", "\u2060\ufeff", "\u3164", "…", "—", "\u2800"])
@pytest.mark.parametrize("field", ["motion_prompt", "start_frame_prompt", "end_frame_prompt", "description"])
def test_storyboard_is_repaired_when_a_prompt_in_it_shows_nothing(world: FakeServices, motion: str, field: str) -> None:
    story = a_storyboard()
    story["scenes"][1][field] = motion  # type: ignore[index]
    world.text.answers = [json.dumps(story)]
    world.planned()

    assert len(world.text.requests) == 2
    assert f"scenes.1.{field}: " in world.text.requests[1].prompt


CUT_OFF_ANSWER = Declined("MAX_TOKENS: the answer ends at its output limit", (CUT_OFF,), ReportedUsage(900, 5596, 0))


def test_cut_off_question_is_never_repeated_and_has_more_room_each_time(world: FakeServices) -> None:
    job = world.opened()
    world.text.answers = [CUT_OFF_ANSWER] * 3

    with pytest.raises(Rejected, match="does not fit into the writer's answer of 28384 tokens, tried 3 times") as error:
        world.write_storyboard(JobRun(job.id, job.run))

    requests = world.text.requests
    calls = [read.value for read in world.jobs.list_calls(job.id) if read.value.purpose == "storyboard"]
    assert error.value.code == "storyboard_too_long"
    assert [each.max_output_tokens for each in requests] == [7096, 14192, 28384]
    assert len({each.prompt for each in requests}) == 3
    assert "at most 60 words" in requests[1].prompt
    assert "at most 30 words" in requests[2].prompt
    assert all(call.was_cut_off and call.cost_micros > 0 for call in calls)
    assert sorted(call.reserved_micros for call in calls) == [call.reserved_micros for call in calls]


def test_storyboard_is_written_when_its_second_answer_has_room(world: FakeServices) -> None:
    world.text.answers = [CUT_OFF_ANSWER]
    job = world.planned()
    again = world.write_storyboard(JobRun(job.id, job.run))

    assert (job.state, again.state) == (JobState.KEYFRAMES, "planned")
    assert len(world.text.requests) == 2


def test_output_limit_is_never_above_the_model_s_own_when_it_is_raised(
    world: FakeServices, change_model: Callable[..., Path]
) -> None:
    change_model("gemini-3.8-flash", max_output_tokens=14_000)
    job = world.opened(scenes=10, budget_usd=200)
    world.text.answers = [CUT_OFF_ANSWER] * 3

    with pytest.raises(Rejected, match="answer of 14000 tokens"):
        world.write_storyboard(JobRun(job.id, job.run))

    assert [each.max_output_tokens for each in world.text.requests] == [9096, 14_000, 14_000]
    assert len({each.prompt for each in world.text.requests}) == 3


class MeanwhileWriter(FakeTextGenerator):
    """Something happens while it writes a storyboard."""

    def __init__(self, happens: Callable[[], None]) -> None:
        super().__init__()
        self._happens = happens

    def generate_text(self, request: TextRequest, timeout_s: float) -> TextResult | Declined:
        if request.schema is Storyboard:
            self._happens()
        return super().generate_text(request, timeout_s)


def test_raised_limit_is_not_requested_when_the_budget_does_not_hold_it(world: FakeServices) -> None:
    reserve = FakeServices()
    read, first = (one.value for one in reserve.jobs.list_calls(reserve.planned().id) if one.value.kind == "text")
    job = world.opened()
    lower = partial(world.lower_limit, job, read.cost_micros + first.reserved_micros)
    world.text = MeanwhileWriter(lower)
    world.text.answers = [CUT_OFF_ANSWER]

    with pytest.raises(BudgetExceeded, match="do not hold storyboard"):
        world.write_storyboard(JobRun(job.id, job.run))

    assert len(world.text.requests) == 1


def test_job_is_refused_with_the_last_fault_when_three_answers_are_unusable(
    world: FakeServices,
) -> None:
    job = world.opened()
    world.text.answers = ["{}", "{}", json.dumps(a_storyboard(scenes=9))]

    with pytest.raises(Rejected, match="3 to 6 scenes are needed, not 9") as refusal:
        world.write_storyboard(JobRun(job.id, job.run))

    assert refusal.value.code == "storyboard_unusable"
    assert [read.value.state for read in world.jobs.list_calls(job.id)] == [CallState.SETTLED] * 4


def test_lost_answer_counts_its_reserved_price_and_the_next_attempt_answers(world: FakeServices) -> None:
    world.text.answers = [AnswerLost("reset")]

    job = world.planned()

    lost, settled = (read.value for read in world.jobs.list_calls(job.id) if read.value.purpose == "storyboard")
    assert (lost.state, settled.state) == (CallState.LOST, CallState.SETTLED)
    assert lost.reserved_micros > 0


def test_next_attempt_follows_at_no_cost_when_a_prompt_is_blocked(world: FakeServices) -> None:
    world.text.answers = [Refused("SAFETY: blocked")]

    job = world.planned()

    released, _ = (read.value for read in world.jobs.list_calls(job.id) if read.value.purpose == "storyboard")
    assert (released.state, released.cost_micros, released.reason) == (CallState.RELEASED, 0, "SAFETY: blocked")


def test_film_over_the_limit_is_refused_with_the_amount_before_its_storyboard_is_paid(world: FakeServices) -> None:
    job = world.opened()
    world.lower_limit(job, 5_000_000)

    with pytest.raises(BudgetExceeded, match=r"3 scenes needs up to 7\.\d+ USD; the limit is 5.00 USD"):
        world.write_storyboard(JobRun(job.id, job.run))

    assert [read.value.purpose for read in world.jobs.list_calls(job.id)] == ["treatment"]
    assert not world.jobs.list_scenes(job.id)


def test_length_that_only_the_text_model_read_is_refused_before_its_storyboard_when_the_limit_is_too_low(
    world: FakeServices,
) -> None:
    job = world.opened(prompt="En film på åttio sekunder", budget_usd=10)
    world.text.treatments = [
        json.dumps({**TREATMENT, "language": "sv", "length_s": 80, "length_words": "åttio sekunder"})
    ]

    with pytest.raises(BudgetExceeded, match=r"scenes needs up to 3\d\.\d+ USD; the limit is 10.00 USD") as refused:
        world.write_storyboard(JobRun(job.id, job.run))

    assert [read.value.purpose for read in world.jobs.list_calls(job.id)] == ["treatment"]
    world.text.answers = [json.dumps(a_storyboard(scenes=10))]
    world.lower_limit(job, parse_usd(refused.value.remedy.split("at least ")[1].split(" ")[0]))
    assert world.write_storyboard(JobRun(job.id, job.run)).state == "planned"


def needed_after_lost_answers_micros() -> int:
    """What the film of three scenes needs when more is lost than its submission counts: the rest is as planned."""
    world = FakeServices()
    world.text.answers = lost_answers()
    calls = [read.value for read in world.jobs.list_calls(world.planned(scenes=3).id)]
    return sum(call.cost_micros or call.reserved_micros for call in calls)


def lost_answers() -> list[str | Declined | CallFailed]:
    return [AnswerLost("reset"), AnswerLost("reset")]


def test_limit_suffices_when_it_equals_the_plan_and_not_when_one_micro_less() -> None:
    def states(limit: int) -> str:
        fresh = FakeServices()
        opened = fresh.opened(scenes=3, budget_usd=f"{limit / 1_000_000:.6f}")
        fresh.text.answers = lost_answers()
        try:
            return fresh.write_storyboard(JobRun(opened.id, opened.run)).state
        except BudgetExceeded as error:
            return error.code

    needed = needed_after_lost_answers_micros()
    assert states(needed) == "planned"
    assert states(needed - 1) == "budget_exceeded"


def test_plan_is_summed_on_a_fresh_read_when_an_extra_call_was_reserved_meanwhile(world: FakeServices) -> None:
    """The job is read before its calls: the plan's batch loses against another writer's reservation (ledger rule 2)."""
    job = world.opened(scenes=3, budget_usd=f"{needed_after_lost_answers_micros() / 1_000_000:.6f}")
    world.text.answers = lost_answers()
    calls = world.jobs.list_calls
    raced: list[bool] = []

    def race(job_id: str) -> object:
        seen = calls(job_id)
        if any(read.value.purpose == "storyboard" and read.value.is_paid for read in seen) and not raced:
            raced.append(True)
            read = world.jobs.get_job(job_id)
            raised = read.value.evolve(budget=read.value.budget.evolve(version=1))
            extra = a_call("extra", job=job_id, kind="text", reserved_micros=1)
            world.jobs.write(Replace(job_id, read, raised), Create(job_id, extra))
        return seen

    world.jobs.list_calls = race  # type: ignore[method-assign,assignment]

    with pytest.raises(BudgetExceeded):
        world.write_storyboard(JobRun(job.id, job.run))


def test_stale_run_is_superseded_and_pays_nothing(world: FakeServices) -> None:
    job = world.opened()

    assert world.write_storyboard(JobRun(job.id, job.run - 1)).state == "superseded"
    assert world.text.requests == []


@pytest.mark.parametrize(
    ("request_fields", "durations"),
    [
        ({"scenes": 3, "duration_s": 20}, [8, 6, 6]),
        ({"duration_s": 24}, [8, 8, 8]),
        ({"prompt": "Three scenes of a fox, eighteen seconds in all"}, [6, 6, 6]),
    ],
)
def test_scenes_have_legal_durations_that_reach_the_requested_length(
    world: FakeServices, request_fields: dict[str, object], durations: list[int]
) -> None:
    job = world.planned(**request_fields)

    assert [read.value.duration_s for read in world.jobs.list_scenes(job.id)] == durations
    assert job.require_plan().planned_frames == sum(durations) * 24


def test_scenes_have_the_frames_of_a_length_that_is_no_whole_second(world: FakeServices) -> None:
    job = world.planned(scenes=3, duration_s=13.3)

    assert [(read.value.duration_s, read.value.frames) for read in world.jobs.list_scenes(job.id)] == [
        (4, 96), (4, 96), (6, 127),
    ]  # fmt: skip
    assert job.require_plan().planned_frames == 319


def test_planned_frames_are_shorter_by_each_crossfade(world: FakeServices) -> None:
    job = world.planned(scenes=3, transition={"kind": "crossfade", "duration_s": 0.5})

    assert job.require_plan().transition_frames == 12
    assert job.require_plan().planned_frames == 3 * 6 * 24 - 2 * 12


SCRIPT = 'Scene 1: Mira asks: "Where are you?"\nScene 2: The sea is dark.'
SCRIPT_TREATMENT = {
    "language": "en",
    "logline": "Mira asks the sea.",
    "scenes": SCRIPT.splitlines(),
    "dialogue": [{"speaker": "Mira", "line": "Where are you?"}],
}


def test_scenes_keep_camera_lines_and_heading_of_their_script(world: FakeServices) -> None:
    board = a_storyboard(2)
    camera = {"size": "close", "angle": "low", "move": "push_in", "lens": "telephoto"}
    line = {"speaker": "Mira", "line": "Where are you?"}
    board["scenes"][0].update({"camera": camera, "characters": ["Mira"], "dialogue": [line]})  # type: ignore[index]
    world.text.treatments = [json.dumps(SCRIPT_TREATMENT)]
    world.text.answers = [json.dumps(board)]
    job = world.planned(prompt=SCRIPT)

    first, second = (read.value for read in world.jobs.list_scenes(job.id))
    assert first.camera.model_dump() == camera
    assert first.characters == ("Mira",)
    assert [one.line for one in first.dialogue] == ["Where are you?"]
    assert (first.heading, second.heading) == tuple(SCRIPT.splitlines())
    assert (second.camera.size, second.dialogue) == ("open", ())
    assert len(world.text.requests) == 1


def test_storyboard_is_mended_with_a_warning_when_it_drops_a_line_three_times(world: FakeServices) -> None:
    world.text.treatments = [json.dumps(SCRIPT_TREATMENT)]
    world.text.answers = [json.dumps(a_storyboard(2))] * 3
    job = world.planned(prompt=SCRIPT)

    assert len(world.text.requests) == 3
    assert "the line 'Where are you?' is missing" in world.text.requests[1].prompt
    first, _ = (read.value for read in world.jobs.list_scenes(job.id))
    assert [one.line for one in first.dialogue] == ["Where are you?"]
    assert any("is missing" in warning for warning in job.warnings)
