"""A Terraform plan as JSON: the resources it would create, their values and references.

`VARIABLES` are the values with which the tests plan.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

PROJECT = "promptreel-test"
NUMBER = "123456789012"
REGION = "us-central1"
VARIABLES: dict[str, Any] = {
    "project": PROJECT,
    "region": REGION,
    "operators": ["ops@example.com"],
    "people": ["group:makers@example.com"],
    "clip_writers": ["serviceAccount:cloud-lvm-video-server@prod.google.com"],
    "labels": {"team": "films"},
    "billing_account": "0A1B2C-3D4E5F-6A7B8C",
    "stitcher_image": f"{REGION}-docker.pkg.dev/{PROJECT}/promptreel/stitcher@sha256:{'0123456789abcdef' * 4}",
    "studio_image": f"{REGION}-docker.pkg.dev/{PROJECT}/promptreel/studio@sha256:{'fedcba9876543210' * 4}",
}


@dataclass(frozen=True, slots=True)
class Resource:
    address: str
    type: str
    name: str
    key: str | None
    """The key of ``for_each``; None for a single resource."""
    values: Mapping[str, Any]
    """What is known before the apply."""

    def block(self, *path: str) -> Mapping[str, Any]:
        """The only block at a path of block names; empty if there is none."""
        found: Any = self.values
        for name in path:
            inner = found.get(name) or [{}]
            found = inner[0]
        return found  # type: ignore[no-any-return]

    def blocks(self, name: str) -> list[Mapping[str, Any]]:
        return list(self.values.get(name) or [])


@dataclass(frozen=True)
class Plan:
    document: Mapping[str, Any]
    """Terraform's own JSON."""
    infra: Path
    """The configuration that was planned."""

    @cached_property
    def resources(self) -> list[Resource]:
        return list(_resources(self.document["planned_values"]["root_module"]))

    def of(self, *types: str) -> list[Resource]:
        """Google's resources of these types, named without the prefix ``google_``.

        Raises:
            NoSuchResource: the plan has none.
        """
        return self.of_kind(*(f"google_{name}" for name in types))

    def of_kind(self, *types: str) -> list[Resource]:
        """The resources of these types, of any provider.

        Raises:
            NoSuchResource: the plan has none.
        """
        found = [resource for resource in self.resources if resource.type in types]
        if not found:
            raise NoSuchResource(f"the plan has no {', '.join(types)}")
        return found

    @property
    def outputs(self) -> Mapping[str, Any]:
        return {name: output.get("value") for name, output in self.document["planned_values"]["outputs"].items()}

    @property
    def configuration(self) -> Mapping[str, Any]:
        """The configuration's resources by address without key, with their references."""
        root = self.document["configuration"]["root_module"]
        return {resource["address"]: resource for resource in root["resources"]}

    @property
    def provider(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.document["configuration"]["provider_config"]["google"]
        return found

    def text(self, name: str) -> str:
        return (self.infra / name).read_text(encoding="utf-8")


class NoSuchResource(Exception):
    """A rule about a kind of resource that the plan lacks would always hold."""


def references(expressions: Any) -> Iterator[str]:
    """Every reference in a piece of configuration."""
    if isinstance(expressions, dict):
        for name, inner in expressions.items():
            if name == "references":
                yield from inner
            else:
                yield from references(inner)
    elif isinstance(expressions, list):
        for inner in expressions:
            yield from references(inner)


def made_before(plan: Plan, address: str) -> set[str]:
    """The resources that Terraform creates before another one; all addresses without key."""
    found: set[str] = set()
    ahead = [address]
    while ahead:
        resource = plan.configuration.get(ahead.pop(), {})
        for reference in (*references(resource.get("expressions", {})), *resource.get("depends_on", ())):
            one = re.sub(r"^(data\.)?([^.\[]+\.[^.\[]+).*", r"\1\2", reference)
            if one not in found:
                found.add(one)
                ahead.append(one)
    return found


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every scalar with its path of names."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, path)
    else:
        yield path, value


def _resources(module: Mapping[str, Any]) -> Iterator[Resource]:
    for found in module.get("resources", []):
        if found["mode"] == "managed":
            key = found.get("index")
            yield Resource(
                found["address"], found["type"], found["name"], None if key is None else str(key), found["values"]
            )
    for child in module.get("child_modules", []):
        yield from _resources(child)
