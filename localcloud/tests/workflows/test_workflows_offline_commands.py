"""``workflows check`` and ``workflows run`` on files, without a service."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localcloud.tests.waiting import PATIENCE_S

GOOD = 'main: {params: [x], steps: [{a: {return: ["${x}", "${sys.get_env(\\"NAME\\")}"]}}]}'
BAD = "main:\n  steps:\n  - a:\n      return: ${oops}\n"

Command = Callable[..., Any]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    def run(action: str, source: str, *options: str) -> Any:
        file = tmp_path / "flow.yaml"
        file.write_text(source)
        words = [sys.executable, "-m", "localcloud", "workflows", action, str(file), *options]
        return subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    return run


def test_check_says_nothing_and_exits_with_0_when_the_file_is_good(command: Command) -> None:
    done = command("check", GOOD)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_check_names_the_place_and_exits_with_1_when_the_file_is_bad(command: Command, tmp_path: Path) -> None:
    done = command("check", BAD, str(tmp_path / "absent.yaml"))

    assert done.returncode == 1
    assert "flow.yaml:4:17: in step 'a': symbol 'oops' is neither a variable nor a sub-workflow name" in done.stderr
    assert "absent.yaml" in done.stderr


def test_result_is_printed_when_file_is_run(command: Command) -> None:
    done = command("run", GOOD, "--data", '{"n": 1}', "--env", "NAME=here")

    assert (done.returncode, done.stdout) == (0, '[{"n":1},"here"]\n')


def test_run_prints_the_context_and_exits_with_1_when_it_fails(command: Command) -> None:
    done = command("run", "[{a: {return: '${1 / 0}'}}]")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == 'ZeroDivisionError: division by zero\nin step "a", routine "main", line: 1\n'


def test_command_explains_itself_when_neither_ports_nor_action_are_given() -> None:
    words = [sys.executable, "-m", "localcloud", "workflows", "--rest-port", "1"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    assert done.returncode == 2
    assert "--grpc-port" in done.stderr
