"""``localcloud logs`` and ``localcloud kill`` on a running stack of one program and its state file."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE

import pytest

from localcloud.__main__ import main
from localcloud.tests.waiting import PATIENCE_S
from localstack.logs import read_complete_lines


@pytest.fixture
def program(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process as the stack starts it: leader of its own group, with the run's folder in its environment."""
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


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run_command(state_file: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str) -> tuple[int, str, str]:
        code = main([*words, "--state-file", str(state_file)])
        output = capsys.readouterr()
        return code, output.out, output.err

    return run


def test_logs_prefix_each_line_with_its_programs_name(run_command: Run) -> None:
    code, out, _ = run_command("logs", "--lines=2")

    assert code == 0
    assert out == "api              | two\napi              | three\n"


def test_logs_print_only_lines_of_the_job_when_one_is_named(run_command: Run, tmp_path: Path) -> None:
    (tmp_path / "logs" / "silent.log").write_text("job-1 begins\njob-2 begins\njob-1 ends\nnothing\n")

    code, out, _ = run_command("logs", "--job=job-1", "--lines=5")

    assert code == 0
    assert out == "silent           | job-1 begins\nsilent           | job-1 ends\n"


def test_followed_log_prints_each_line_once_when_it_is_complete(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    log.write_text("")
    with log.open() as reading, log.open("a", buffering=1) as writing:
        reads = []
        for written in ("one\ntw", "o: é", "\n", "", "\n"):
            writing.write(written)
            writing.flush()
            reads.append(read_complete_lines(reading))

    assert reads == [["one\n"], [], ["two: é\n"], [], ["\n"]]


def test_logs_name_the_known_programs_when_the_program_is_unknown(run_command: Run) -> None:
    code, _, err = run_command("logs", "apy")

    assert code == 1
    assert "there are api, silent" in err


@pytest.mark.parametrize(("words", "number"), [((), signal.SIGKILL), (("--signal=TERM",), signal.SIGTERM)])
def test_kill_sends_the_signal_to_the_named_program(
    run_command: Run, program: subprocess.Popen[bytes], words: tuple[str, ...], number: int
) -> None:
    code, out, _ = run_command("kill", "api", *words)

    assert code == 0
    assert program.wait(PATIENCE_S) == -number
    assert f"api ({program.pid})" in out


def test_kill_spares_a_foreign_process_when_an_old_state_file_names_it(
    run_command: Run, state_file: Path, program: subprocess.Popen[bytes]
) -> None:
    state = json.loads(state_file.read_text())
    state_file.write_text(json.dumps(state | {"env": {"CLOUDSDK_CONFIG": "/elsewhere"}}))

    code, _, err = run_command("kill", "api")

    assert code == 1
    assert "does not belong to this stack" in err
    assert program.poll() is None


def test_commands_name_the_missing_state_file_when_no_stack_runs(run_command: Run, state_file: Path) -> None:
    state_file.unlink()

    for command in (("logs",), ("kill", "api")):
        code, _, err = run_command(*command)
        assert (code, str(state_file) in err) == (1, True)
