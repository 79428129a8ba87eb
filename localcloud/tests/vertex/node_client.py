"""The official Node client as a test sees it: installed once into .local/node, then one short process per call."""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.tests.waiting import PATIENCE_S

FOLDER = Path(__file__).parent / "node"
CACHE = Path(__file__).parents[3] / ".local" / "node"


class NodeError(Exception):
    """What the client threw: its name, HTTP status if it had an answer, and message."""

    def __init__(self, name: str, status: int | None, message: str, cause: str | None) -> None:
        super().__init__(f"{name} {status}: {message}")
        self.name = name
        self.status = status
        self.message = message
        self.cause = cause


@dataclass(frozen=True)
class NodeClient:
    url: str
    modules: Path

    def call(self, scenario: str, **given: Any) -> Any:
        """The scenario's result. Raises: NodeError."""
        argv = [_program("node"), str(FOLDER / "drive.mjs"), str(self.modules), self.url, scenario]
        ended = subprocess.run(
            argv, input=json.dumps(given), capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        assert ended.stdout, ended.stderr
        said = json.loads(ended.stdout)
        if failure := said.get("error"):
            raise NodeError(failure["name"], failure.get("status"), failure["message"], failure.get("cause"))
        return said.get("result")


def _program(name: str) -> str:
    """The machine's own, or else the one that `make setup` put beside Python."""
    return shutil.which(name) or str(Path(sys.executable).with_name(name))


def installed() -> Path:
    """The folder of the locked modules, filled on first use; workers that race for it end with the same folder."""
    lock = (FOLDER / "package-lock.json").read_bytes()
    home = CACHE / hashlib.sha256(lock).hexdigest()[:16]
    if not home.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE, prefix="installing-") as begun:
            unfinished = Path(begun) / "modules"
            unfinished.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(FOLDER / name, unfinished)
            argv = [_program("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            ended = subprocess.run(
                argv, cwd=unfinished, capture_output=True, text=True, timeout=PATIENCE_S, check=False
            )
            assert ended.returncode == 0, ended.stderr
            try:
                unfinished.rename(home)
            except OSError:
                assert home.exists()  # another worker was faster
    return home
