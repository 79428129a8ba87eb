"""``make infra-inventory``: write down every value of every resource that a plan would create.

A test compares it, so that no value can change unnoticed. After an intended change, the diff of inventory.json shows
the change as Google would see it. Values that the rules compare with their source are omitted: code, environment,
timeouts, the workflow's text and the text of alerts.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

from tools.terraform.plan import VARIABLES, Plan, references
from tools.terraform.terraform import ROOT, workspace
from tools.terraform.variables_table import page_with_table

FILE = ROOT / "tests/infra/inventory.json"

_COMPARED_ELSEWHERE = {
    "attempt_deadline", "documentation", "env", "environment_variables", "object", "source", "source_contents",
    "timeout", "timeout_seconds", "user_env_vars",
}  # fmt: skip


def inventory(plan: Plan) -> dict[str, Any]:
    """The values by address; for those unknown before the apply, the resources they are taken from."""
    found: dict[str, Any] = {}
    for resource in plan.resources:
        values = _kept(resource.values)
        values.pop("effective_labels", None)
        if resource.type == "google_storage_bucket_object":
            del values["name"]
        if resource.type == "google_monitoring_dashboard":
            values["dashboard_json"] = json.loads(values["dashboard_json"])
        found[resource.address] = values
    unknown = _unknown(plan)
    for address, configured in plan.configuration.items():
        taken = {
            name: sorted({_target(one) for one in references(expression)} - {""})
            for name, expression in configured.get("expressions", {}).items()
            if name in unknown.get(address, ())
        }
        after = sorted(configured.get("depends_on", ()))
        if taken or after:
            found[f"{address} is made"] = {"after": after, "from": taken}
    return found


def _unknown(plan: Plan) -> dict[str, set[str]]:
    """The attributes that are unknown before the apply, by address without key."""
    found: dict[str, set[str]] = {}
    for change in plan.document["resource_changes"]:
        names = found.setdefault(change["address"].partition("[")[0], set())
        names |= {name for name, state in change["change"].get("after_unknown", {}).items() if _any(state)}
    return found


def _any(state: Any) -> bool:
    if isinstance(state, dict):
        return any(map(_any, state.values()))
    return any(map(_any, state)) if isinstance(state, list) else bool(state)


def _target(reference: str) -> str:
    """A reference to another resource; empty for a variable or a local."""
    return reference if reference.startswith(("google_", "data.")) else ""


def _kept(value: Any) -> Any:
    """The value without empty parts: a provider's next version has more attributes that are not set."""
    if isinstance(value, Mapping):
        kept = {name: _kept(inner) for name, inner in value.items() if name not in _COMPARED_ELSEWHERE}
        return {name: inner for name, inner in kept.items() if inner not in (None, [], {})}
    return [_kept(inner) for inner in value] if isinstance(value, list) else value


def text(plan: Plan) -> str:
    lines = [
        f"{json.dumps(address)}: {json.dumps(values, sort_keys=True)}"
        for address, values in sorted(inventory(plan).items())
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    with workspace() as place:
        FILE.write_text(text(Plan(place.plan(VARIABLES), place.infra)), encoding="utf-8")
    (ROOT / "infra/README.md").write_text(page_with_table(ROOT / "infra"), encoding="utf-8")
    sys.exit(0)
