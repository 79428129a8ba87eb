"""firebase-tools' emulators from parts of the machine, on machines simulated by small files."""

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from zipfile import ZipFile

import pytest

from localstack import emulators, firebase_tools, storage_rules_stub
from localstack.emulators import EmulatorMissing

Until = Callable[[Callable[[], object]], Coroutine[None, None, None]]


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulators, "_USUAL_SDK_ROOTS", ())


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """firebase-tools, gcloud with its emulator, and a Java 21 that prints its arguments."""
    for path, text in {
        "bin/firebase": "exit 0",
        "sdk/bin/gcloud": "exit 0",
        "java/bin/java": 'echo \'openjdk version "21.0.1"\' >&2; echo java "$@"',
        "sdk/platform/cloud-firestore-emulator/cloud-firestore-emulator.jar": "",
    }.items():
        program = tmp_path / path
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    folders = (tmp_path / "bin", tmp_path / "sdk/bin", tmp_path / "java/bin", Path("/usr/bin"), Path("/bin"))
    return {"PATH": ":".join(map(str, folders)), "HOME": str(tmp_path / "home")}


def test_emulators_use_their_ports_and_the_machines_own_parts(machine: dict[str, str], tmp_path: Path) -> None:
    planned = firebase_tools.program(machine, tmp_path / "run", "local-1", 8085, 9199, tools=tmp_path / "none")
    config = json.loads((tmp_path / "run" / "firebase.json").read_text())
    with ZipFile(planned.env["FIRESTORE_EMULATOR_BINARY_PATH"]) as jar:
        manifest = jar.read("META-INF/MANIFEST.MF").decode()

    assert planned.argv[:2] == (str(tmp_path / "bin/firebase"), "emulators:start")
    assert planned.health_urls == ("http://127.0.0.1:8085/", "http://127.0.0.1:9199/b")
    assert (config["emulators"]["firestore"]["port"], config["emulators"]["storage"]["port"]) == (8085, 9199)
    assert max(map(len, manifest.splitlines())) <= 72
    emulator = tmp_path / "sdk/platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
    assert f"Class-Path: {emulator.as_uri()}" in manifest.replace("\n ", "")


def test_java_shim_runs_the_rules_stub_and_passes_everything_else_to_the_real_java(
    machine: dict[str, str], tmp_path: Path
) -> None:
    planned = firebase_tools.program(machine, tmp_path / "run", "local-1", 8085, 9199, tools=tmp_path / "none")
    rules = planned.env["STORAGE_EMULATOR_BINARY_PATH"]

    def java(*words: str) -> str:
        return subprocess.run(
            ("java", *words), env=dict(planned.env), input="", capture_output=True, text=True, check=True
        ).stdout

    assert json.loads(java("-Duser.language=en", "-jar", rules, "serve"))["id"] == -1
    assert java("-jar", "other.jar", "x y") == "java -jar other.jar x y\n"


# Starts the emulator as firebase-tools does, in a session of its own, and waits for it.
PARENT = """
import subprocess, sys
subprocess.run(["java", "-jar", sys.argv[1], "--port", "8085"], start_new_session=True)
"""


def test_firestore_ends_when_firebase_tools_is_killed(
    machine: dict[str, str], tmp_path: Path, until: Until, left_behind: Callable[[], list[str]]
) -> None:
    (tmp_path / "java/bin/java").write_text(
        "#!/bin/sh\necho 'openjdk version \"21.0.1\"' >&2\n[ $# = 1 ] || exec sleep 600\n"
    )
    planned = firebase_tools.program(machine, tmp_path / "run", "local-1", 8085, 9199, tools=tmp_path / "none")
    jar = planned.env["FIRESTORE_EMULATOR_BINARY_PATH"]
    tools = subprocess.Popen((sys.executable, "-c", PARENT, jar), env=dict(planned.env), cwd=tmp_path)
    asyncio.run(until(lambda: "sleep 600" in left_behind()))

    tools.kill()
    tools.wait()
    asyncio.run(until(lambda: left_behind() == []))

    assert left_behind() == []


def test_downloaded_parts_are_used_when_firebase_tools_has_them(machine: dict[str, str], tmp_path: Path) -> None:
    cache = tmp_path / "home/.cache/firebase/emulators"
    cache.mkdir(parents=True)
    for name in ("cloud-firestore-emulator-v1.22.0.jar", "cloud-storage-rules-runtime-v1.1.3.jar"):
        (cache / name).touch()

    planned = firebase_tools.program(machine, tmp_path / "run", "local-1", 8085, 9199, tools=tmp_path / "none")

    assert not {"FIRESTORE_EMULATOR_BINARY_PATH", "STORAGE_EMULATOR_BINARY_PATH"} & set(planned.env)


def test_error_says_how_to_get_firebase_tools_when_they_are_missing(tmp_path: Path) -> None:
    with pytest.raises(EmulatorMissing, match="make test-firebase"):
        firebase_tools.program({"PATH": ""}, tmp_path, "local-1", 1, 2, tools=tmp_path)


def test_rules_stub_accepts_rules_and_refuses_every_call() -> None:
    answers = io.StringIO()
    requests = ({"action": "load_ruleset", "id": 0, "context": {}}, {"action": "verify", "id": 1, "context": {}})
    storage_rules_stub.main(map(json.dumps, requests), answers)
    ready, loaded, verified = map(json.loads, answers.getvalue().splitlines())

    assert (ready["id"], ready["status"]) == (-1, "ok")
    assert (loaded["id"], loaded["errors"], loaded["result"]["rulesVersion"]) == (0, [], 2)
    assert (verified["id"], verified["result"]["permit"]) == (1, False)
