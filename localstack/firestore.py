"""Which Firestore emulator this machine has, and how it is started."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from localcloud.serving import LOOPBACK
from localstack.java import java_env
from localstack.program import Program

HEAP_MB = 512
GCLOUD_JAVA = 11  # Firestore's component as of gcloud 528; 17 and 25 were tried
FIREBASE_JAVA = 21  # firebase-tools 15

_START_SCRIPT = Path("platform/cloud-firestore-emulator/cloud_firestore_emulator")
_USUAL_ROOTS = (
    "/usr/lib/google-cloud-sdk",
    "/usr/share/google-cloud-sdk",
    "/usr/local/google-cloud-sdk",
    "/opt/google-cloud-sdk",
    "/opt/homebrew/share/google-cloud-sdk",
    "/snap/google-cloud-cli/current",
    "~/google-cloud-sdk",
)


class EmulatorMissing(Exception):
    """No Firestore emulator on this machine; the message says how to get one."""


@dataclass(frozen=True, slots=True)
class Emulator:
    """A command that starts one on a port, and the Java it needs."""

    argv: tuple[str, ...]
    java_at_least: int

    def program(self, cwd: Path, env: Mapping[str, str], host: str) -> Program:
        java = java_env(env, self.java_at_least, HEAP_MB)
        return Program("firestore", self.argv, cwd, dict(env) | java, (f"http://{host}/",))


def find_emulator(environment: Mapping[str, str], port: int, run_dir: Path, project: str) -> Emulator:
    """The machine's emulator: gcloud's component, or else firebase-tools.

    Raises:
        EmulatorMissing: there is neither.
    """
    search_path = environment.get("PATH")
    for root in _sdk_roots(search_path):
        script = root / _START_SCRIPT
        if script.exists():
            return Emulator((str(script), "start", f"--host={LOOPBACK}", f"--port={port}"), GCLOUD_JAVA)
    firebase = shutil.which("firebase", path=search_path)
    if firebase:
        config = _firebase_config(run_dir, port)
        command = ("emulators:start", "--only", "firestore", "--project", project, "--config", str(config))
        return Emulator((firebase, *command), FIREBASE_JAVA)
    raise EmulatorMissing(
        "no Firestore emulator found. Either install gcloud's (`gcloud components install cloud-firestore-emulator`, "
        "or apt's google-cloud-cli-firestore-emulator), or firebase-tools (`npm install -g firebase-tools`), "
        "or start one yourself and set FIRESTORE_EMULATOR_HOST."
    )


def gcloud_jar(search_path: str | None) -> Path | None:
    """The program of gcloud's emulator itself, for those who start it in their own way."""
    jars = (root / _START_SCRIPT.parent / "cloud-firestore-emulator.jar" for root in _sdk_roots(search_path))
    return next((jar for jar in jars if jar.exists()), None)


def _sdk_roots(search_path: str | None) -> Iterator[Path]:
    """Where the SDK may be, the cheapest answers first: asking gcloud itself takes seconds."""
    gcloud = shutil.which("gcloud", path=search_path)
    if gcloud:
        yield Path(gcloud).resolve().parent.parent
        yield Path(gcloud).parent.parent
    for usual in _USUAL_ROOTS:
        yield Path(usual).expanduser()
    if gcloud:
        told = subprocess.run(
            (gcloud, "info", "--format=value(installation.sdk_root)"), capture_output=True, text=True, check=False
        )
        if told.stdout.strip():
            yield Path(told.stdout.strip())


def _firebase_config(run_dir: Path, port: int) -> Path:
    """firebase-tools takes ports from its configuration only; the repository's firebase.json has fixed ones."""
    run_dir.mkdir(parents=True, exist_ok=True)
    path = run_dir / "firebase.json"
    emulators = {"firestore": {"host": LOOPBACK, "port": port}, "ui": {"enabled": False}, "hub": {"host": LOOPBACK}}
    path.write_text(json.dumps({"emulators": emulators | {"singleProjectMode": False}}))
    return path
