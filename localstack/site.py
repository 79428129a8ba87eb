"""One run of the stack: its names, addresses and folders, and what they mean in the configuration's placeholders."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from localcloud.serving import LOOPBACK
from localstack.deployment import REGION, Deployment, fill_all

# Two people, so that "others' jobs are 404" can be seen, and one who runs the deployment.
PEOPLE = {"owner": "owner@example.com", "stranger": "stranger@example.com", "operator": "operator@example.com"}

# Every listener of a stand-in, in the order of the fixed ports.
STAND_IN_PORTS = (
    "workflows",
    "workflows_grpc",
    "vertex",
    "tasks",
    "storage",
    "firestore",
    "metadata",
    "iamcredentials",
    "media",
    "eventarc",
    "pubsub",
    "scheduler",
    "tasks_grpc",
    "scheduler_grpc",
)

# Not inherited: what points at a real Google project, or would change how a child listens.
_SCRUBBED_PREFIXES = ("GOOGLE_", "CLOUDSDK_", "GCLOUD_", "GCE_METADATA_", "FIREBASE_", "PROMPTREEL_", "FUNCTION_", "K_")
_SCRUBBED = frozenset({"HOST", "PORT", "DEBUG", "THREADS", "WORKERS", "JAVA_TOOL_OPTIONS", "GUNICORN_CMD_ARGS"})

# Written first, so that only a folder of an earlier run is ever emptied.
_OURS = Path("config/local-stack")


@dataclass(frozen=True, slots=True)
class Site:
    root: Path
    """The repository: what is deployed from it."""
    run_dir: Path
    """Everything this run writes."""
    project: str
    pace: float
    """Factor on every wait of production; 1.0 is Google's own time."""
    deployment: Deployment
    ports: Mapping[str, int]
    inherited: Mapping[str, str]
    """The environment the stack was started in."""
    firestore_host: str
    """HOST:PORT; the emulator may be someone else's."""

    @property
    def logs(self) -> Path:
        """One file for each program."""
        return self.run_dir / "logs"

    def url(self, listener: str) -> str:
        return f"http://{self.host(listener)}"

    def host(self, listener: str) -> str:
        return f"{LOOPBACK}:{self.ports[listener]}"

    def account(self, name: str) -> str:
        return f"{self.deployment.accounts[name]}@{self.project}.iam.gserviceaccount.com"

    def bucket(self, name: str) -> str:
        return self.buckets()[name]

    def buckets(self) -> dict[str, str]:
        return fill_all(self.deployment.buckets, {"project": self.project})

    def workflow_name(self) -> str:
        return f"{self.location()}/workflows/{self.deployment.workflow.name}"

    def location(self) -> str:
        return f"projects/{self.project}/locations/{REGION}"

    def emptied(self) -> None:
        """Forget an earlier run in the same folder: Firestore begins empty, so must what its documents speak of."""
        if (self.run_dir / _OURS).exists():
            for name in ("config", "logs", "objects", "state"):
                shutil.rmtree(self.run_dir / name, ignore_errors=True)
        self.folder(_OURS.parent.name)
        (self.run_dir / _OURS).touch()

    def state_dir(self, name: str) -> Path:
        return self.folder("state", name)

    def folder(self, *names: str) -> Path:
        folder = self.run_dir.joinpath(*names)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def placeholders(self) -> dict[str, str]:
        """The value of every ``{placeholder}`` the configuration may hold."""
        stand_ins = {f"standin.{name}": self.url(name) for name in STAND_IN_PORTS if name in self.ports}
        return {
            "project": self.project,
            "region": REGION,
            "veo_location": REGION,
            "database": "(default)",
            "pace": f"{self.pace:g}",
            "operators": PEOPLE["operator"],
            **{f"bucket.{name}": bucket for name, bucket in self.buckets().items()},
            **{f"url.{service.name}": self.url(service.name) for service in self.deployment.services},
            **{f"account.{name}": self.account(name) for name in self.deployment.accounts},
            **stand_ins,
            # gRPC channels are named without a scheme.
            "standin.workflows_grpc": self.host("workflows_grpc"),
            "standin.tasks_grpc": self.host("tasks_grpc"),
            "standin.scheduler_grpc": self.host("scheduler_grpc"),
            "standin.firestore": self.firestore_host,
            "standin.metadata": self.host("metadata"),
        }

    def base_env(self) -> dict[str, str]:
        """What every child gets: the inherited environment without anything that could reach a real project."""
        return scrubbed(self.inherited) | {
            "PYTHONUNBUFFERED": "1",
            "MALLOC_ARENA_MAX": "2",  # dozens of processes with many threads: glibc would keep an arena for each
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            # google-auth would prefer a developer's own credentials, kept in gcloud's folder, to the metadata server.
            "CLOUDSDK_CONFIG": str(self.run_dir / "gcloud"),
            "GOOGLE_CLOUD_PROJECT": self.project,
        }

    def identity_env(self, account: str) -> dict[str, str]:
        """Makes a process one of the service accounts: it asks that account's metadata listener."""
        host = self.host(identity_listener(account))
        return {"GCE_METADATA_HOST": host, "GCE_METADATA_IP": host}

    def store_env(self) -> dict[str, str]:
        return {"FIRESTORE_EMULATOR_HOST": self.firestore_host, "STORAGE_EMULATOR_HOST": self.url("storage")}


def listeners(deployment: Deployment) -> list[str]:
    """The names of all listeners of the stack: a service's own name is its gate's."""
    services = [service.name for service in deployment.services]
    gates = sorted(services, key=lambda name: name != "api")  # the one address people look for comes first
    backends = [backend_listener(name) for name in services]
    return [*gates[:1], *STAND_IN_PORTS, *gates[1:], *backends, *map(identity_listener, deployment.accounts)]


def backend_listener(service: str) -> str:
    return f"backend.{service}"


def identity_listener(account: str) -> str:
    return f"identity.{account}"


def scrubbed(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(_SCRUBBED_PREFIXES) and name not in _SCRUBBED and not name.endswith("_EMULATOR_HOST")
    }
