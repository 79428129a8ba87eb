"""firebase-tools' Firestore and Storage emulators as one program, made of parts that this machine already has.

Left to itself firebase-tools downloads a jar for each emulator. Where gcloud's Firestore emulator is installed its jar
is used instead; and the Storage emulator, which is part of firebase-tools itself, is given a rules runtime that knows
no rules. What firebase-tools has already downloaded goes before both.
"""

import json
import random
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile

from localcloud.serving import LOOPBACK
from localstack import norules
from localstack.firestore import FIREBASE_JAVA, HEAP_MB, EmulatorMissing, gcloud_jar
from localstack.java import java_env
from localstack.ports import free_ports
from localstack.program import Program

_MAIN_CLASS = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
_LINE_BYTES = 70  # a manifest's line holds 72 bytes with its end; the next begins with a space

# Our rules runtime is run by Python, everything else by the real Java. firebase-tools gives Firestore a session of its
# own, where no signal to the group reaches it: it is watched, and ended when firebase-tools is gone, however it went.
_JAVA = """\
#!/bin/sh
case " $* " in
*" -jar "{script}" "*) exec {python} {script} ;;
*" -jar "*firestore*) ;;
*) exec {real} "$@" ;;
esac
{real} "$@" &
emulator=$!
trap 'kill $emulator' INT TERM
(while kill -0 $PPID && kill -0 $emulator; do sleep 1; done; kill $emulator) >/dev/null 2>&1 &
wait $emulator
"""

_RULES = Path(__file__).with_name("storage.rules")


def program(
    env: Mapping[str, str], folder: Path, project: str, firestore_port: int, storage_port: int, *, tools: Path
) -> Program:
    """Both emulators; firebase-tools is taken from the folder `tools`, or else from the path.

    Raises:
        EmulatorMissing: it is in neither.
    """
    firebase = shutil.which("firebase", path=f"{tools}:{env.get('PATH', '')}")
    if firebase is None:
        raise EmulatorMissing("firebase-tools is not installed: `make test-firebase` gets it, or `npm install -g`.")
    folder.mkdir(parents=True, exist_ok=True)
    config = _config(folder, firestore_port, storage_port)
    return Program(
        name="firebase",
        argv=(
            *(firebase, "emulators:start", "--only", "firestore,storage"),
            *("--project", project, "--config", str(config)),
        ),
        cwd=folder,
        # Objects are kept in the system's temporary folder: here, in the run's.
        env={**env, **_own_parts(env, folder), "TMPDIR": str(folder)},
        health_urls=(f"http://{LOOPBACK}:{firestore_port}/", f"http://{LOOPBACK}:{storage_port}/b"),
    )


def _config(folder: Path, firestore_port: int, storage_port: int) -> Path:
    """firebase-tools takes ports from its configuration only; the repository's firebase.json has fixed ones."""
    shutil.copyfile(_RULES, folder / _RULES.name)
    own = free_ports(("hub", "logging", "socket"), random.SystemRandom())  # nobody but firebase-tools asks for these
    document = {
        "emulators": {
            "firestore": {"host": LOOPBACK, "port": firestore_port, "websocketPort": own["socket"]},
            "storage": {"host": LOOPBACK, "port": storage_port},
            "hub": {"host": LOOPBACK, "port": own["hub"]},
            "logging": {"host": LOOPBACK, "port": own["logging"]},
            "ui": {"enabled": False},
            "singleProjectMode": False,
        },
        "storage": {"rules": _RULES.name},
    }
    path = folder / "firebase.json"
    path.write_text(json.dumps(document))
    return path


def _own_parts(env: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The variables that spare firebase-tools its downloads, and a ``java`` that ends when firebase-tools does."""
    java = java_env(env, FIREBASE_JAVA, HEAP_MB)
    cache = Path(env.get("FIREBASE_EMULATORS_PATH") or Path(env.get("HOME", "~"), ".cache/firebase/emulators"))
    parts: dict[str, str] = {}
    jar = gcloud_jar(env.get("PATH"))
    if jar and not any(cache.expanduser().glob("cloud-firestore-emulator-*.jar")):
        parts["FIRESTORE_EMULATOR_BINARY_PATH"] = str(_pointing_jar(folder, jar))
    rules = folder / "no-rules.py"
    shutil.copyfile(norules.__file__, rules)  # firebase-tools sets the run bit of what it is given
    if not any(cache.expanduser().glob("cloud-storage-rules-runtime-*.jar")):
        parts["STORAGE_EMULATOR_BINARY_PATH"] = str(rules)
    java["PATH"] = f"{_java_for(rules, java['JAVA'], folder)}:{java['PATH']}"
    return java | parts


def _pointing_jar(folder: Path, jar: Path) -> Path:
    """A jar that holds nothing but the way to another: firebase-tools names no main class, gcloud's jar needs one."""
    head = f"Class-Path: {jar.resolve().as_uri()}"
    lines = [head[:_LINE_BYTES], *(f" {part}" for part in _pieces(head[_LINE_BYTES:], _LINE_BYTES - 1))]
    pointing = folder / "firestore.jar"
    with ZipFile(pointing, "w") as archive:
        archive.writestr(
            "META-INF/MANIFEST.MF", "\n".join(["Manifest-Version: 1.0", f"Main-Class: {_MAIN_CLASS}", *lines, ""])
        )
    return pointing


def _pieces(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def _java_for(rules: Path, java: str, folder: Path) -> Path:
    """A folder with the ``java`` for firebase-tools; see `_JAVA`."""
    shim = folder / "bin" / "java"
    shim.parent.mkdir(exist_ok=True)
    python, script, real = (shlex.quote(str(path)) for path in (sys.executable, rules, java))
    shim.write_text(_JAVA.format(python=python, script=script, real=real))
    shim.chmod(0o755)
    return shim.parent
