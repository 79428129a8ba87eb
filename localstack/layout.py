"""One run of the stack: its project, ports, folders and addresses, and the configuration's placeholders for them."""

import random
import shutil
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from localcloud.serving import LOOPBACK
from localstack.deployment import REGION, Deployment, fill_all

# The stranger shows that other people's jobs are 404; the operator runs the deployment.
PEOPLE = {"owner": "owner@example.com", "stranger": "stranger@example.com", "operator": "operator@example.com"}

# Every listener of a stand-in, in the order of the fixed ports.
STAND_IN_PORTS = (
    "workflows",
    "workflows_grpc",
    "vertex",
    "replicate",
    "tasks",
    "storage",
    "firestore",
    "metadata",
    "iamcredentials",
    "media",
    "secretmanager",
    "eventarc",
    "pubsub",
    "scheduler",
    "tasks_grpc",
    "scheduler_grpc",
)

# The only one that the stand-in takes; it opens nothing else.
REPLICATE_TOKEN = "local-replicate-token"  # noqa: S105

# Below the range Linux takes for outgoing connections (32768 and up): a port chosen there could be taken by any
# connection between the choice, or a process's death, and the moment its owner listens on it again.
# The rest of that range, from 28,000 on, is left to tests that start one stand-in.
FREE_RANGE = range(20_000, 28_000)
_BLOCK = 80  # ports in a row that one stack chooses from; the first one is kept bound as a sign that they are taken
_taken: list[socket.socket] = []  # those first ports of this process
FIXED_FROM = 9400

# Not inherited: what points at a real Google project, or would change how a child listens.
_REMOVED_PREFIXES = ("GOOGLE_", "CLOUDSDK_", "GCLOUD_", "GCE_METADATA_", "FIREBASE_", "PROMPTREEL_", "FUNCTION_", "K_")
_REMOVED = frozenset({"HOST", "PORT", "DEBUG", "THREADS", "WORKERS", "JAVA_TOOL_OPTIONS", "GUNICORN_CMD_ARGS"})

# Written first, so that only the folder of an earlier run is ever cleared.
_MARKER = Path("config/local-stack")


@dataclass(frozen=True, slots=True)
class Layout:
    root: Path
    """The repository: what is deployed from it."""
    run_dir: Path
    """Everything this run writes."""
    project: str
    pace: float
    """Factor on every wait of production; 1.0 is Google's own time."""
    deployment: Deployment
    ports: Mapping[str, int]
    """By name of the listener."""
    inherited: Mapping[str, str]
    """The environment the stack was started in."""
    firestore_host: str
    """HOST:PORT; the emulator may run outside this stack."""
    clock_ahead_s: int = 0
    """How far the clocks of the product and of the models' stand-ins are ahead; everything else has this machine's."""

    @property
    def logs(self) -> Path:
        """The folder with one file for each program."""
        return self.run_dir / "logs"

    @property
    def gcloud_folder(self) -> str:
        """An empty configuration folder, because google-auth prefers a developer's credentials to the metadata server.

        Its path also marks the processes of this run.
        """
        return str(self.run_dir / "gcloud")

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

    def location(self) -> str:
        return f"projects/{self.project}/locations/{REGION}"

    def clear_earlier_run(self) -> None:
        """Remove an earlier run's files from the folder: Firestore starts empty, so its objects must go too."""
        if (self.run_dir / _MARKER).exists():
            for name in ("config", "logs", "objects", "state"):
                shutil.rmtree(self.run_dir / name, ignore_errors=True)
        self.folder(_MARKER.parent.name)
        (self.run_dir / _MARKER).touch()

    def state_dir(self, name: str) -> Path:
        return self.folder("state", name)

    def folder(self, *names: str) -> Path:
        """A folder of this run, created if missing."""
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
            "veo_quota_per_minute": "50",
            "database": "(default)",
            "pace": f"{self.pace:g}",
            "clock_ahead_s": str(self.clock_ahead_s),
            "operators": PEOPLE["operator"],
            "picture_buckets": "",
            "max_active_jobs": "1000",  # floods of one owner are tried here
            "requests_per_minute": "6000",
            "replicate_token": REPLICATE_TOKEN,
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
        """Every child's environment: the inherited one without anything that could reach a real project."""
        return _without_cloud_settings(self.inherited) | {
            "PYTHONUNBUFFERED": "1",
            "MALLOC_ARENA_MAX": "2",  # dozens of processes with many threads: glibc would keep an arena for each
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "CLOUDSDK_CONFIG": self.gcloud_folder,
            "GOOGLE_CLOUD_PROJECT": self.project,
        }

    def identity_env(self, account: str) -> dict[str, str]:
        """Makes a process run as a service account: its identity comes from that account's metadata listener."""
        host = self.host(identity_listener(account))
        return {"GCE_METADATA_HOST": host, "GCE_METADATA_IP": host}

    def store_env(self) -> dict[str, str]:
        return {"FIRESTORE_EMULATOR_HOST": self.firestore_host, "STORAGE_EMULATOR_HOST": self.url("storage")}


def listeners(deployment: Deployment) -> list[str]:
    """The names of all listeners of the stack; a service's own name is its gate's."""
    services = [service.name for service in deployment.services]
    gates = sorted(services, key=lambda name: name != "api")  # the API's address comes first
    backends = [backend_listener(name) for name in services]
    return [*gates[:1], *STAND_IN_PORTS, *gates[1:], *backends, *map(identity_listener, deployment.accounts)]


def backend_listener(service: str) -> str:
    return f"backend.{service}"


def identity_listener(account: str) -> str:
    return f"identity.{account}"


class PortTaken(Exception):
    """Another program already listens on one of the stack's fixed ports."""


def free_ports(names: Iterable[str], chance: random.Random) -> dict[str, int]:
    """Choose a free port for each name, from ports that no other stack chooses while this process lives.

    A stack listens on its ports only seconds after it has chosen them: chance alone let stacks that start together
    choose the same one.
    """
    wanted = list(names)
    for first in chance.sample(FREE_RANGE[::_BLOCK], len(FREE_RANGE) // _BLOCK):
        guard = socket.socket()
        try:
            guard.bind((LOOPBACK, first))  # without SO_REUSEADDR: one process alone can have it
        except OSError:
            guard.close()
            continue
        free = [port for port in range(first + 1, first + _BLOCK) if _is_free(port)]
        if len(free) >= len(wanted):
            _taken.append(guard)
            return dict(zip(wanted, chance.sample(free, len(wanted)), strict=True))
        guard.close()
    raise PortTaken(f"no {len(wanted)} free ports in a row between {FREE_RANGE.start} and {FREE_RANGE.stop}")


def fixed_ports(names: Iterable[str]) -> dict[str, int]:
    """The same port for each name at every start.

    Raises:
        PortTaken: one of them is in use.
    """
    ports = {name: FIXED_FROM + place for place, name in enumerate(names)}
    taken = [f"{port} ({name})" for name, port in ports.items() if not _is_free(port)]
    if taken:
        some = ", ".join(taken[:3]) + (" …" if taken[3:] else "")
        raise PortTaken(f"in use already: {some}. Is another stack running? `--fixed-ports` can be left out.")
    return ports


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def _without_cloud_settings(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(_REMOVED_PREFIXES) and name not in _REMOVED and not name.endswith("_EMULATOR_HOST")
    }
