"""Two spellings of one truth are tied here: they deploy at different moments."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from main import STEPS
from promptreel.domain.estimate import assumptions
from promptreel.domain.models import registry
from promptreel.settings import Settings
from tools import docs

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, Any] = json.loads((ROOT / "infra/config/services.json").read_text())
ACCESS: dict[str, Any] = json.loads((ROOT / "infra/config/access.json").read_text())
QUEUES: dict[str, Any] = json.loads((ROOT / "infra/config/queues.json").read_text())
FILM = (ROOT / "workflows/film.yaml").read_text()
ENTRY_POINTS = [*STEPS, "api"]


def http_timeouts() -> dict[str, int]:
    """Seconds that film.yaml gives each service, by the name in its URL variable."""
    found = {}
    for url, timeout in re.findall(r'sys\.get_env\("(\w+)_URL"\)\}\n(?:\s+path: \S+\n)?\s+timeout: (\d+)', FILM):
        found[url.lower()] = int(timeout)
    return found


def test_entry_points_are_the_functions_that_are_deployed() -> None:
    assert sorted(ENTRY_POINTS) == sorted(SERVICES["functions"])


def test_every_service_has_an_account_of_its_own_and_a_list_of_invokers() -> None:
    deployed = {*SERVICES["functions"], *SERVICES["services"]}

    assert deployed <= set(ACCESS["accounts"])
    assert deployed == set(ACCESS["invokers"])
    assert len(set(ACCESS["accounts"].values())) == len(ACCESS["accounts"])
    assert all(re.fullmatch(r"[a-z][a-z0-9-]{5,29}", account) for account in ACCESS["accounts"].values())
    callers = {caller for callers in ACCESS["invokers"].values() for caller in callers}
    assert callers <= {*ACCESS["accounts"], "people"}


def test_workflow_reads_exactly_the_variables_it_is_given() -> None:
    read = set(re.findall(r'sys\.get_env\("(\w+)"\)', FILM)) - {"GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID"}

    assert read == set(SERVICES["workflow"]["env"])


def test_workflow_waits_as_long_as_each_service_may_take_and_no_longer_than_workflows_allow() -> None:
    timeouts = http_timeouts()
    limits = {name: service["timeout_s"] for name, service in {**SERVICES["functions"], **SERVICES["services"]}.items()}

    assert set(timeouts) == {url.removesuffix("_URL").lower() for url in SERVICES["workflow"]["env"]}
    for name, timeout in timeouts.items():
        assert limits[name] <= timeout <= 1800, name


def test_workflow_parses_and_its_steps_have_unique_names_within_a_routine() -> None:
    routines = yaml.safe_load(FILM)

    errors = ["is_throttled", "is_retryable", "read_problem"]
    assert list(routines) == ["main", "film", "ensure_drawn", "ensure_keyframe", "report_failure", "call_step", *errors]


def test_queues_together_stay_within_veos_quota_of_fifty_requests_a_minute() -> None:
    rates = [queue["dispatches_per_minute"] for name, queue in QUEUES.items() if name.startswith("clips")]

    assert sum(rates) <= 50


@pytest.mark.parametrize(
    "step",
    ["write_storyboard", "draw_keyframe", "check_continuity", "poll_clips", "close_job", "fail_job", "open_job"],
)
def test_step_is_spelled_the_same_in_module_function_and_workflow(step: str) -> None:
    assert (ROOT / f"functions/promptreel/usecases/{step}.py").exists()
    assert step in ENTRY_POINTS
    assert re.search(rf"- {step}:\n\s+(try|call)", FILM)


def test_generated_pages_are_up_to_date() -> None:
    for page, text in docs.pages().items():
        assert page.read_text(encoding="utf-8") == text, f"{page}: run `make docs`"


def test_requirements_contain_no_client_that_posts_paid_calls_twice() -> None:
    for name in ("tests", "functions", "stitcher_service"):
        assert "aiohttp" not in (ROOT / name / "requirements.txt").read_text()


def test_estimates_assume_the_queues_and_sizes_that_are_deployed() -> None:
    assumed = assumptions()

    rates = {"standard": QUEUES["clips"], "high": QUEUES["clips-high"]}
    assert assumed.clips_per_minute == {name: queue["dispatches_per_minute"] for name, queue in rates.items()}
    stitcher = SERVICES["services"]["stitcher"]
    assert (assumed.vcpus["stitcher"], assumed.gib["stitcher"]) == (stitcher["cpu"], stitcher["memory_gib"])
    functions = SERVICES["functions"].values()
    assert assumed.vcpus["function"] == max(function["cpu"] for function in functions)
    assert assumed.gib["function"] == max(function["memory_gib"] for function in functions)


def test_usual_quota_of_veo_is_the_same_in_registry_settings_terraform_and_queues() -> None:
    usual = max(model.quota_per_minute or 0 for model in registry().video if model.protocol == "veo")
    terraform = (ROOT / "infra/variables.tf").read_text()
    variable = re.search(r'variable "veo_quota_per_minute" \{.*?default\s*=\s*(\d+)', terraform, re.DOTALL)
    texts = dict.fromkeys(SERVICES["env"], "x") | {"PROMPTREEL_KEEP_DAYS": "90"}
    counted = ("QUOTA_PER_MINUTE", "MAX_ACTIVE_JOBS", "REQUESTS_PER_MINUTE")
    setting = Settings.from_env({name: text for name, text in texts.items() if not name.endswith(counted)})

    assert variable
    assert usual == int(variable[1]) == setting.veo_quota_per_minute
    assert usual == sum(QUEUES[name]["dispatches_per_minute"] for name in ("clips", "clips-high"))
