"""``localcloud logs`` and ``localcloud kill`` on a stack that runs: here, one program and its state file."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE

import pytest

from localcloud.__main__ import main
from localstack.logs import news
from tests.waiting import PATIENCE_S


@pytest.fixture
def program(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process as the stack starts them: leader of its own group, with the run's folder in its environment."""
    env = {**os.environ, "CLOUDSDK_CONFIG": str(tmp_path / "gcloud")}
    echo = subprocess.Popen(("cat",), env=env, start_new_session=True, stdin=PIPE, stdout=PIPE, bufsize=0)
    with echo as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(b"\n")
        process.stdout.read(1)  # while a process is being started, its environment can look empty
        yield process
        process.kill()


@pytest.fixture
def state_file(tmp_path: Path, program: subprocess.Popen[bytes]) -> Path:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "api.log").write_text("one\ntwo\nthree")
    path = tmp_path / "state.json"
    state = {
        "logs": str(tmp_path / "logs"),
        "processes": {"api": program.pid, "silent": program.pid},
        "env": {"CLOUDSDK_CONFIG": str(tmp_path / "gcloud")},
    }
    path.write_text(json.dumps(state))
    return path


Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ask(state_file: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    def run(*words: str) -> tuple[int, str, str]:
        code = main([*words, "--state-file", str(state_file)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_logs_when_asked_for_then_each_line_stands_under_its_programs_name(ask: Ask) -> None:
    code, out, _ = ask("logs", "--lines=2")

    assert code == 0
    assert out == "api              | two\napi              | three\n"


def test_logs_when_asked_for_one_job_then_only_lines_that_name_it(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "logs" / "silent.log").write_text("job-1 begins\njob-2 begins\njob-1 ends\nnothing\n")

    code, out, _ = ask("logs", "--job=job-1", "--lines=5")

    assert code == 0
    assert out == "silent           | job-1 begins\nsilent           | job-1 ends\n"


def test_log_when_followed_then_each_line_comes_once_and_only_when_it_is_whole(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    log.write_text("")
    with log.open() as reading, log.open("a", buffering=1) as writing:
        looks = []
        for written in ("one\ntw", "o: é", "\n", "", "\n"):
            writing.write(written)
            writing.flush()
            looks.append(news(reading))

    assert looks == [["one\n"], [], ["two: é\n"], [], ["\n"]]


def test_logs_of_an_unknown_program_when_asked_for_then_the_known_ones_are_named(ask: Ask) -> None:
    code, _, err = ask("logs", "apy")

    assert code == 1
    assert "there are api, silent" in err


@pytest.mark.parametrize(("words", "number"), [((), signal.SIGKILL), (("--signal=TERM",), signal.SIGTERM)])
def test_program_when_killed_by_name_then_gets_the_signal(
    ask: Ask, program: subprocess.Popen[bytes], words: tuple[str, ...], number: int
) -> None:
    code, out, _ = ask("kill", "api", *words)

    assert code == 0
    assert program.wait(PATIENCE_S) == -number
    assert f"api ({program.pid})" in out


def test_process_of_somebody_else_when_an_old_state_file_names_it_then_spared(
    ask: Ask, state_file: Path, program: subprocess.Popen[bytes]
) -> None:
    state = json.loads(state_file.read_text())
    state_file.write_text(json.dumps(state | {"env": {"CLOUDSDK_CONFIG": "/elsewhere"}}))

    code, _, err = ask("kill", "api")

    assert code == 1
    assert "does not belong to this stack" in err
    assert program.poll() is None


def test_stack_that_does_not_run_when_asked_then_the_missing_file_is_named(ask: Ask, state_file: Path) -> None:
    state_file.unlink()

    for command in (("logs",), ("kill", "api")):
        code, _, err = ask(*command)
        assert (code, str(state_file) in err) == (1, True)
