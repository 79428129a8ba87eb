"""The stitcher's image: small, numeric non-root user, locked requirements, SIGTERM arrives; a linter agrees (E3)."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "stitcher_service" / "Dockerfile"


def instructions() -> list[tuple[str, str]]:
    """Instruction and arguments, comments left out, continued lines joined."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    lines = (line.split(maxsplit=1) for line in text.splitlines() if line.strip())
    return [(name, " ".join(rest)) for name, *rest in lines]


def said(name: str) -> list[str]:
    return [rest for found, rest in instructions() if found == name]


def test_linter_then_finds_nothing() -> None:
    program = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert program, "hadolint is not installed: it comes with the dev requirements"

    linted = subprocess.run((program, str(DOCKERFILE)), capture_output=True, text=True, check=False)

    assert (linted.stdout, linted.returncode) == ("", 0)


def test_base_then_can_be_given_by_its_digest() -> None:
    assert instructions()[0][0] == "ARG"
    assert instructions()[0][1].startswith("BASE=")
    assert said("FROM") == ["${BASE}"]


def test_user_then_is_a_number_other_than_root_and_the_last_word_on_it() -> None:
    names = [name for name, _ in instructions()]

    assert said("USER") == ["10001"]
    assert not set(names[names.index("USER") :]) & {"RUN", "COPY", "ADD"}


def test_requirements_then_are_installed_by_hash_and_nothing_else_is() -> None:
    (install,) = [run for run in said("RUN") if "install" in run]

    assert install.startswith("pip install ")
    assert {"--require-hashes", "--no-deps", "--no-cache-dir"} <= set(install.split())
    assert install.endswith("-r requirements.txt")
    locked = (ROOT / "stitcher_service" / "requirements.txt").read_text()
    requirements = [line for line in locked.splitlines() if "==" in line and not line.lstrip().startswith("#")]
    assert all(line.endswith("\\") for line in requirements)
    assert any(line.startswith("imageio-ffmpeg==") for line in requirements)


def test_command_then_hands_the_process_over_so_that_sigterm_arrives() -> None:
    (command,) = map(json.loads, said("CMD"))

    assert command[:2] == ["sh", "-c"]
    assert command[2].startswith("exec gunicorn ")
    assert command[2].endswith(" stitcher_service.main:app")
    for option in ("--workers 1", "--timeout 0", "--no-control-socket"):
        assert option in command[2]
    grace = re.search(r"--graceful-timeout (\d+)", command[2])
    assert grace is not None
    assert int(grace[1]) < 10  # what Cloud Run leaves between SIGTERM and SIGKILL


@pytest.mark.parametrize("name", ["ENV", "ARG"])
def test_image_then_carries_no_secret(name: str) -> None:
    assert not re.search(r"SECRET|TOKEN|PASSWORD|API_?KEY|CREDENTIAL", " ".join(said(name)), re.IGNORECASE)


def test_context_then_holds_the_two_packages_and_nothing_else() -> None:
    ignored = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text().split()

    assert ignored[0] == "**"
    assert [line for line in ignored if line.startswith("!")] == ["!functions/promptreel", "!stitcher_service"]
    copied = {copy.split()[0] for copy in said("COPY")}
    assert copied == {"stitcher_service/requirements.txt", "functions/promptreel", "stitcher_service"}
