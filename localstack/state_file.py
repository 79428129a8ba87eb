"""The state file: what `up` publishes about the running stack, and what `logs` and `kill` read from it."""

import argparse
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from localstack.deployment import fill_all
from localstack.layout import Layout

DEFAULT_STATE_FILE = Path(".local/state.json")  # where `make up` writes it


def state_document(layout: Layout, pids: Mapping[str, int], tokens: Mapping[str, str]) -> dict[str, Any]:
    return {
        "api": layout.url("api"),
        "workflows_rest": layout.url("workflows"),
        "workflows_grpc": layout.host("workflows_grpc"),
        "vertex": layout.url("vertex"),
        "replicate": layout.url("replicate"),
        "tasks": layout.url("tasks"),
        "tasks_grpc": layout.host("tasks_grpc"),
        "eventarc": layout.url("eventarc"),
        "scheduler": layout.url("scheduler"),
        "scheduler_grpc": layout.host("scheduler_grpc"),
        "storage": layout.url("storage"),
        "firestore": layout.firestore_host,
        "stitcher": layout.url("stitcher"),
        "metadata": layout.host("metadata"),
        "logs": str(layout.logs),
        "processes": dict(sorted(pids.items())),
        "tokens": dict(tokens),
        "env": shell_env(layout, tokens),
    }


def shell_env(layout: Layout, tokens: Mapping[str, str]) -> dict[str, str]:
    """Variables that point gcloud, the client libraries and the `promptreel` command at this stack."""
    deployed = fill_all(layout.deployment.env, layout.placeholders())
    overrides = {
        "WORKFLOWS": "workflows",
        "WORKFLOWEXECUTIONS": "workflows",
        "CLOUDTASKS": "tasks",
        "CLOUDSCHEDULER": "scheduler",
    }
    return {
        "CLOUDSDK_CONFIG": layout.gcloud_folder,
        "CLOUDSDK_CORE_PROJECT": layout.project,
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        **{f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{api}": f"{layout.url(name)}/" for api, name in overrides.items()},
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE": f"{layout.url('storage')}/storage/v1/",
        **layout.store_env(),
        "GCE_METADATA_HOST": layout.host("metadata"),
        "GCE_METADATA_IP": layout.host("metadata"),
        "GOOGLE_CLOUD_PROJECT": layout.project,
        **{name: value for name, value in deployed.items() if name.endswith("_BUCKET")},
        "PROMPTREEL_API": layout.url("api"),
        "PROMPTREEL_TOKEN": tokens.get("owner", ""),
    }


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Replace the file atomically: a reader sees the old content or the new content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(state, indent=2))
    draft.replace(path)


class NotRunning(Exception):
    """No stack runs, or it has no such program; the message names the missing file or program."""


@dataclass(frozen=True, slots=True)
class RunningStack:
    """A stack that runs already, as its state file describes it."""

    state: dict[str, Any]

    @classmethod
    def read(cls, state_file: Path) -> Self:
        """Raises: NotRunning."""
        try:
            return cls(json.loads(state_file.read_text()))
        except FileNotFoundError as exc:
            raise NotRunning(
                f"{state_file} does not exist: no stack runs, or it was started with another file"
            ) from exc

    @property
    def names(self) -> list[str]:
        return sorted(self.state["processes"])

    @property
    def gcloud_folder(self) -> str:
        """CLOUDSDK_CONFIG in the environment of this stack's processes, and of no other process."""
        return str(self.state["env"]["CLOUDSDK_CONFIG"])

    def pid(self, name: str) -> int:
        """Raises: NotRunning."""
        return int(self.state["processes"][self._checked(name)])

    def log(self, name: str) -> Path:
        """Raises: NotRunning."""
        return Path(self.state["logs"]) / f"{self._checked(name)}.log"

    def _checked(self, name: str) -> str:
        if name not in self.state["processes"]:
            raise NotRunning(f"there is no program {name!r}; there are {', '.join(self.names)}")
        return name


def add_state_file_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--state-file",
        type=Path,
        default=DEFAULT_STATE_FILE,
        help=f"of the running stack (default: {DEFAULT_STATE_FILE})",
    )
