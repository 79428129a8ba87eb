"""A copy of a plan that can be changed, to test that a rule reports the change."""

import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

REMOVED = object()


@dataclass(frozen=True, slots=True)
class AlteredPlan:
    """A copy of a plan that can be changed."""

    document: dict[str, Any]
    planned: Path
    """The folder of the configuration; files are changed in a copy of it."""
    copied: Path

    def set(self, glob: str, path: str, value: Any) -> None:
        """Set a value in every resource whose address matches; the path skips the index of a block that occurs once."""
        found = [one for one in self.resources if fnmatchcase(one["address"], glob.replace("[", "[[]"))]
        assert found, glob
        for resource in found:
            *way, last = path.split(".")
            place: Any = resource["values"]
            for name in way:
                inner = place[int(name)] if name.isdigit() else place[name]
                place = (
                    inner[0] if isinstance(inner, list) and not isinstance(place, list) and len(inner) == 1 else inner
                )
            if value is REMOVED:
                del place[int(last) if isinstance(place, list) else last]
            else:
                place[int(last) if isinstance(place, list) else last] = value

    def add(self, kind: str, **values: Any) -> None:
        address = f"google_{kind}.extra"
        self.resources.append(
            {"address": address, "mode": "managed", "type": f"google_{kind}", "name": "extra", "values": values}
        )

    def drop(self, address: str) -> None:
        kept = [one for one in self.resources if one["address"] != address]
        assert len(kept) < len(self.resources), address
        self.resources[:] = kept

    def configured(self, address: str) -> dict[str, Any]:
        resources = self.document["configuration"]["root_module"]["resources"]
        found: dict[str, Any] = next(one for one in resources if one["address"] == address)
        return found

    def provider(self, name: str, value: Any) -> None:
        given = self.document["configuration"]["provider_config"]["google"]["expressions"]
        if value is REMOVED:
            del given[name]
        else:
            given[name] = {"constant_value": value}

    def rewrite(self, file: str, pattern: str, new: str) -> None:
        path = self.copy() / file
        text = path.read_text(encoding="utf-8")
        changed = re.sub(pattern, new, text, count=1)
        assert changed != text, pattern
        path.write_text(changed, encoding="utf-8")

    def copy(self) -> Path:
        shutil.copytree(self.planned, self.copied)
        return self.copied

    @property
    def infra(self) -> Path:
        return self.copied if self.copied.exists() else self.planned

    @property
    def resources(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.document["planned_values"]["root_module"]["resources"]
        return found


Edit = Callable[[AlteredPlan], None]


def set_value(glob: str, path: str, value: Any = REMOVED) -> Edit:
    return lambda plan: plan.set(glob, path, value)


def add_resource(kind: str, **values: Any) -> Edit:
    return lambda plan: plan.add(kind, **values)


def replace_in_workflow(old: str, new: str) -> Edit:
    def edit(plan: AlteredPlan) -> None:
        film = next(one for one in plan.resources if one["type"] == "google_workflows_workflow")["values"]
        assert old in film["source_contents"]
        film["source_contents"] = film["source_contents"].replace(old, new, 1)

    return edit


def replace_in_dashboard(old: str, new: str) -> Edit:
    def edit(plan: AlteredPlan) -> None:
        dashboard = next(one for one in plan.resources if one["type"] == "google_monitoring_dashboard")["values"]
        assert old in dashboard["dashboard_json"]
        dashboard["dashboard_json"] = dashboard["dashboard_json"].replace(old, new)

    return edit


def write_archive(archive: Path, name: str) -> None:
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr(name, "")
