"""Rules about the workflow: it is the tested one and stays within Workflows' limits."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from tests.infra.policy import declared
from tests.infra.policy.rules import rule
from tests.infra.policy.services import WORKFLOWS_HTTP_S, url_of
from tools.terraform.plan import PROJECT, Plan
from tools.terraform.terraform import ROOT


@rule
def workflow_matches_the_checkout(plan: Plan) -> Iterator[str]:
    (workflow,) = plan.of("workflows_workflow")
    wanted = {
        "name": "film",
        "source_contents": (ROOT / "workflows/film.yaml").read_text(encoding="utf-8"),
        "service_account": f"projects/{PROJECT}/serviceAccounts/film-workflow@{PROJECT}.iam.gserviceaccount.com",
        "call_log_level": "LOG_ERRORS_ONLY",
        "user_env_vars": {
            name: url_of(text.removeprefix("{url.").removesuffix("}"))
            for name, text in declared.config("services")["workflow"]["env"].items()
        },
    }
    yield from (
        f"the workflow's {name} differs" for name, value in wanted.items() if workflow.values.get(name) != value
    )
    if len(wanted["user_env_vars"]) > 20:
        yield "Workflows allows twenty variables"


@rule
def workflow_timeouts_and_retries_are_bounded(plan: Plan) -> Iterator[str]:
    (workflow,) = plan.of("workflows_workflow")
    source = yaml.safe_load(workflow.values["source_contents"])
    limits = declared.timeouts_s()
    read = set(re.findall(r'sys\.get_env\("(\w+)"\)', workflow.values["source_contents"]))
    if read - {"GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID"} != set(workflow.values.get("user_env_vars") or {}):
        yield "the workflow reads other variables than are set"
    for call in _calls(source, "call_step"):
        url = re.search(r'get_env\("(\w+)_URL"\)', call["args"]["url"])
        name = url[1].lower().replace("_", "-") if url else ""
        if not limits.get(name, WORKFLOWS_HTTP_S + 1) <= call["args"].get("timeout", 300) <= WORKFLOWS_HTTP_S:
            yield f"the workflow waits {call['args'].get('timeout')} s for {name}"
    if not all("retry" in step for step in _with_http(source)):
        yield "an HTTP call of the workflow has no retry"
    for retry in _retries(source):
        # The service has not started a call that waits for capacity, so it may be retried for hours.
        most = 300 if retry["predicate"] == "${is_throttled}" else 10
        if not 0 < retry.get("max_retries", 0) <= most or "max_delay" not in retry["backoff"]:
            yield "a call of the workflow is retried without limit"


def _retries(part: Any) -> Iterator[dict[str, Any]]:
    """Every retry policy in a workflow's source."""
    if isinstance(part, dict):
        if "retry" in part:
            yield part["retry"]
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from _retries(inner)


def _calls(part: Any, name: str) -> Iterator[dict[str, Any]]:
    """Every call of a subworkflow or function in a workflow's source."""
    if isinstance(part, dict):
        if part.get("call") == name:
            yield part
        for inner in part.values():
            yield from _calls(inner, name)
    elif isinstance(part, list):
        for inner in part:
            yield from _calls(inner, name)


def _with_http(part: Any) -> Iterator[dict[str, Any]]:
    """Every step with an HTTP call; an empty one for a call outside of try."""
    if isinstance(part, dict):
        tried = part.get("try")
        if isinstance(tried, dict) and str(tried.get("call", "")).startswith("http."):
            yield part
        elif str(part.get("call", "")).startswith("http."):
            yield {}
        else:
            for inner in part.values():
                yield from _with_http(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _with_http(inner)
