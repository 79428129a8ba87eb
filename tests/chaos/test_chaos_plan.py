"""The plan of a chaos run is its seed's, and what it changes in the middle is really changed."""

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from localcloud.replicate import faults as replicate_faults
from localcloud.vertex.faults import APPLIES
from localstack.deployment import Deployment
from promptreel.domain import prompts
from promptreel.domain.models import registry
from promptreel.domain.planning import accept
from promptreel.domain.states import CallState, JobState, SceneState
from tests import recorded
from tests.chaos import changes, faults, plan
from tests.fakes.services import PROTOCOLS, FakeServices

ROOT = Path(__file__).parents[2]


def test_plan_is_the_same_when_its_seed_is_the_same() -> None:
    drawn = [plan.draw(seed, jobs=40, kills=300, minutes=20) for seed in (7, 7, 8)]

    assert drawn[0] == drawn[1]
    assert drawn[0].kills != drawn[2].kills
    assert drawn[0].films != drawn[2].films


def test_every_request_of_a_plan_is_one_that_is_accepted() -> None:
    films = [film for seed in range(8) for film in plan.draw(seed, jobs=40, kills=1, minutes=1).films]

    assert sum("budget_usd" in film.request for film in films) > 20
    for film in films:
        accept(dict(film.request), datetime.now(UTC), PROTOCOLS)


def test_one_film_in_five_waits_for_its_owner_at_either_gate() -> None:
    films = [film for seed in range(8) for film in plan.draw(seed, jobs=40, kills=1, minutes=1).films]

    waiting = Counter(film.request["approval"] for film in films if film.waits_for_approval)
    assert waiting.keys() == {"storyboard", "animatic"}
    assert 0.12 * len(films) < waiting.total() < 0.28 * len(films)


def test_repeated_films_ask_for_the_same_and_allow_to_take_it_over_and_change_nothing_else() -> None:
    plain, drawn = (plan.draw(7, jobs=12, kills=30, minutes=2, repeats=repeats) for repeats in (0, 6))

    assert (drawn.films[:12], drawn.kills, drawn.changes) == (plain.films, plain.kills, plain.changes)
    by_number = {film.number: film for film in drawn.films}
    for film in drawn.films[12:]:
        first = by_number[film.repeats or 0]
        assert (film.request, first.cancel_after_s) == ({**first.request, "cache": True}, None)
    assert len(drawn.films) == 18


def test_long_plan_kills_every_program_and_visits_every_boundary() -> None:
    kills = plan.draw(1, jobs=40, kills=400, minutes=20).kills

    assert {kill.process for kill in kills} == plan.TARGETS.keys()
    assert {kill.boundary for kill in kills} - {""} == plan.BOUNDARIES.keys()


def test_plan_changes_the_deployment_once_in_every_way_in_the_middle_of_its_kills() -> None:
    for seed in range(20):
        changes = plan.draw(seed, jobs=40, kills=300, minutes=20).changes
        assert {change.kind for change in changes} == {"templates", "retirement", "documents"}
        assert all(100 < change.before_kill <= 201 for change in changes)


def test_plan_continues_jobs_of_other_versions_beside_one_that_cannot_be_read() -> None:
    plans = [plan.draw(seed, jobs=4, kills=3, minutes=1).recordings for seed in range(20)]

    assert {tuple(one.kind for one in recordings) for recordings in plans} == {("previous", "newer", "unreadable")}
    assert {one.moment for recordings in plans for one in recordings} == set(plan.MOMENTS) < set(recorded.MOMENTS)


def test_plan_changes_nothing_when_no_moment_is_given() -> None:
    drawn = plan.draw(1, jobs=4, kills=3, minutes=1, moments=())

    assert (drawn.changes, drawn.recordings) == ((), ())


def test_every_prompt_is_another_when_templates_were_changed(tmp_path: Path) -> None:
    changes.copy_package(tmp_path)
    changes.change_templates(tmp_path)
    spec = spec_from_file_location("deployed_prompts", tmp_path / "promptreel" / "domain" / "prompts.py")
    assert spec is not None
    assert spec.loader is not None
    deployed = module_from_spec(spec)
    spec.loader.exec_module(deployed)
    world = FakeServices()
    job = world.planned()
    scene = world.jobs.get_scene(job.id, "scene-01").value

    def compose(module: ModuleType) -> list[str]:
        plan, painter = job.require_plan(), registry().image_model(job.require_plan().image_model)
        drawn = module.keyframe_prompt(plan, scene, "end", painter)
        filmed = module.clip_prompt(plan, scene, plan.video_of(scene))
        return [
            module.treatment_prompt("a kite"),
            module.storyboard_prompt("a kite", (1, 1), [4]),
            module.rewrite_prompt(scene, "no fire", "fire"),
            drawn.text,
            filmed.text,
        ]

    assert not set(compose(deployed)) & set(compose(prompts))


def test_copy_of_the_package_is_what_a_run_imports(tmp_path: Path) -> None:
    changes.copy_package(tmp_path)
    show = [sys.executable, "-c", "import promptreel; print(promptreel.__file__)"]

    shown = subprocess.run(
        show, cwd=ROOT, env=changes.environment(tmp_path), check=True, capture_output=True, text=True
    )

    assert Path(shown.stdout.strip()) == tmp_path / "promptreel" / "__init__.py"


def test_templates_are_not_changed_when_their_words_are_others(tmp_path: Path) -> None:
    changes.copy_package(tmp_path)
    changes.change_templates(tmp_path)
    with pytest.raises(ValueError, match="Plan a film"):
        changes.change_templates(tmp_path)


def test_boundaries_are_states_that_documents_can_enter() -> None:
    calls: set[str] = {*CallState, "named"}
    states: dict[str, set[str]] = {"job": {*JobState}, "scene": {*SceneState}, "render": {"RENDERING", "DONE"}}
    states |= dict.fromkeys(("text", "image", "video"), calls)

    assert [name for name in plan.BOUNDARIES if name.split()[1] not in states[name.split()[0]]] == []
    assert {who for processes in plan.BOUNDARIES.values() for who in processes} <= plan.TARGETS.keys()


def test_targets_are_every_program_of_the_stack_except_firestore() -> None:
    services = {service.name for service in Deployment.read(ROOT / "infra" / "config").services}

    assert services <= plan.TARGETS.keys()
    assert "firestore" not in plan.TARGETS


def test_long_run_orders_every_fault_that_exists() -> None:
    ordered = {provider: {rule["fault"] for rule in rules} for provider, rules in faults.rules(1.0).items()}

    assert ordered == {
        "vertex": APPLIES.keys(),
        "replicate": {fault for fault in replicate_faults.APPLIES if not fault.startswith("webhook")},
    }


def test_each_backend_films_a_third_of_every_plan_some_of_it_in_scenes_of_seven_seconds() -> None:
    films = [film.request for seed in range(8) for film in plan.draw(seed, jobs=40, kills=1, minutes=1).films]
    by_protocol = Counter(registry().video_model(request["models"]["video"]).protocol for request in films)
    sevens = {request["models"]["video"] for request in films if (request["scenes"], request["duration_s"]) == (1, 7)}

    assert all(share >= len(films) // 3 - len(films) // 40 for share in by_protocol.values())
    assert by_protocol.keys() == {"veo", "interactions", "predictions"}
    assert sevens >= {"gemini-omni-1.2-flash", "kwaivgi/kling-v3-video", "veo-3.1-fast-generate-001"}
