"""Sheets and the limit: a submission knows how many a film usually has, the plan leaves out those beyond the limit."""

import json

import pytest

from promptreel.domain.call import committed_micros
from promptreel.domain.job import Job
from promptreel.domain.states import JobState
from promptreel.errors import BudgetExceeded
from promptreel.usecases.draw_sheet import DrawSheet
from promptreel.usecases.job_lifecycle import JobRun
from tests.fakes.models import a_storyboard
from tests.fakes.services import FakeServices

CAST = [{"name": f"Walker {number}", "description": "a long coat"} for number in range(12)]


def least_usd(**request: object) -> str:
    """The amount that the refusal of a small limit names."""
    with pytest.raises(BudgetExceeded, match="Nothing was paid") as refused:
        FakeServices().opened(scenes=3, budget_usd="0.01", **request)
    return refused.value.remedy.split("at least ")[1].split(",")[0]


def plan_large_cast(world: FakeServices, **request: object) -> Job:
    board = a_storyboard(3, characters=CAST)
    for scene in board["scenes"]:  # type: ignore[attr-defined]
        scene["characters"] = [one["name"] for one in CAST]
    world.text.answers = [json.dumps(board)]
    return world.planned(scenes=3, **request)


def test_submission_needs_more_for_sheets_than_for_a_chain_and_no_more_when_the_film_may_choose() -> None:
    chain, auto, sheet = (float(least_usd(continuity=way)) for way in ("chain", "auto", "sheet"))

    assert chain == auto
    assert 0.2 < sheet - chain < 0.6


def test_submission_needs_one_check_of_the_keyframes_unless_they_are_not_checked() -> None:
    assert 0 < float(least_usd(checks=True)) - float(least_usd(checks=False)) < 0.05


def test_plan_leaves_out_the_last_sheets_by_name_when_its_limit_does_not_hold_them(world: FakeServices) -> None:
    job = plan_large_cast(world, continuity="sheet", budget_usd=least_usd(continuity="sheet"))

    sheets = [read.value for read in world.jobs.list_sheets(job.id)]
    left_out = [sheet for sheet in sheets if sheet.problem]
    assert job.state is JobState.KEYFRAMES
    assert committed_micros(read.value for read in world.jobs.list_calls(job.id)) <= job.budget.limit_micros
    assert 0 < len(left_out) < len(sheets) == 12
    assert left_out == sheets[-len(left_out) :]
    assert [sheet.problem.message for sheet in left_out if sheet.problem] == [
        warning for warning in job.warnings if "drawn without a sheet" in warning
    ]
    paid = [read.value.purpose for read in world.jobs.list_calls(job.id)]
    assert sum(purpose.startswith("sheet/") for purpose in paid) == len(sheets) - len(left_out)
    assert world.draw_sheet(DrawSheet(job.id, job.run, sheets[-1].id)).state == "given_up"


def test_plan_has_every_sheet_when_its_limit_holds_them(world: FakeServices) -> None:
    job = plan_large_cast(world, continuity="sheet", budget_usd=20)

    assert not any(read.value.problem for read in world.jobs.list_sheets(job.id))
    assert not any("without a sheet" in warning for warning in job.warnings)


def test_chosen_film_is_a_chain_when_the_limit_does_not_hold_its_sheets(world: FakeServices) -> None:
    job = plan_large_cast(world, continuity="auto", budget_usd=least_usd(continuity="auto"))

    assert job.require_plan().continuity.mode == "chain"
    assert world.write_storyboard(JobRun(job.id, job.run)).state == "planned"
