"""The deployed source starts with only the zip and functions/requirements.txt."""

import ast
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from localcloud.tests.waiting import PATIENCE_S
from tests.infra.policy import declared
from tools.terraform.plan import VARIABLES
from tools.terraform.terraform import ROOT, workspace

# Runs in the clean environment: each entry point as functions-framework starts it, called once over loopback.
START = """
import importlib, json, sys, threading, urllib.error, urllib.request
from functions_framework import create_app
from werkzeug.serving import make_server

def call(server, path, body):
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.server_port}{path}", data=body, headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)

source, entry_points, modules = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
answers = {}
for name in entry_points:
    server = make_server("127.0.0.1", 0, create_app(name, source), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    answers[name] = call(server, "/healthz", None) if name == "api" else call(server, "/", b"[]")
    server.shutdown()
    thread.join()
    server.server_close()
for module in modules:
    importlib.import_module(module)
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has only the locked requirements."""
    place = tmp_path_factory.mktemp("clean") / "venv"
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(place)], check=True)
    python = place / "bin/python"
    locked = str(ROOT / "functions/requirements.txt")
    subprocess.run(
        [uv, "pip", "sync", "--quiet", "--python", str(python), "--require-hashes", locked],
        check=True,
        timeout=PATIENCE_S,
    )
    return python


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip that a plan would deploy, unpacked."""
    folder = tmp_path_factory.mktemp("source")
    with workspace() as place:
        place.plan(VARIABLES)
        with zipfile.ZipFile(place.infra / "build/functions.zip") as archive:
            archive.extractall(folder)
    return folder


def imports(folder: Path) -> set[str]:
    """Every module that the code imports, late ones too."""
    found: set[str] = set()
    for file in folder.rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module)
    return found


def test_every_entry_point_answers_when_only_its_requirements_are_installed(clean: Path, source: Path) -> None:
    names = sorted(declared.entry_points())
    modules = sorted(imports(source))
    environment = {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    started = subprocess.run(
        [str(clean), "-c", START, str(source / "main.py"), json.dumps(names), json.dumps(modules)],
        cwd=source, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip

    assert started.returncode == 0, started.stderr
    answers: dict[str, Any] = json.loads(started.stdout.splitlines()[-1])
    assert answers.pop("api") == [200, {"status": "ok"}]
    assert {name: (status, problem["code"]) for name, (status, problem) in answers.items()} == {
        name: (422, "invalid") for name in names if name != "api"
    }


def test_source_contains_its_data(source: Path) -> None:
    data = {path.name for path in (source / "promptreel/data").iterdir()}

    assert {"models.json", "phrases.json", "remedies.json"} <= data
    assert (source / "promptreel/data/styles/film-noir.webp").exists()
    assert (source / "requirements.txt").exists()
