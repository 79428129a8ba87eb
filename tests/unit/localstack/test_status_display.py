"""What the terminal shows when programs start, end and hang."""

import io

import pytest
from rich.console import Console

from localstack.supervisor import ProcessEvent
from localstack.supervisor import ProcessEventKind as Kind
from localstack.terminal import StatusDisplay, status_table


def make_console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=100, color_system=None)


def output_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_restart_prints_a_warning_and_a_line_when_there_is_no_terminal() -> None:
    console = make_console(terminal=False)
    with StatusDisplay(console) as display:
        for kind, pid, detail in (
            (Kind.STARTED, 7, ""),
            (Kind.READY, 7, ""),
            (Kind.ENDED, 7, "was ended by SIGKILL; it is started again"),
            (Kind.STARTED, 8, ""),
            (Kind.READY, 8, ""),
        ):
            display.show(ProcessEvent("api", kind, pid, detail))

    assert output_of(console).splitlines() == [
        "ready  api",
        "warning api was ended by SIGKILL; it is started again",
        "ready  api again (start 2)",
    ]


@pytest.mark.parametrize(
    ("last", "word"), [(Kind.STARTED, "starting"), (Kind.READY, "ready"), (Kind.ENDED, "ended"), (Kind.HUNG, "hangs")]
)
def test_table_shows_state_pid_and_restarts_of_each_program(last: Kind, word: str) -> None:
    console = make_console(terminal=False)
    display = StatusDisplay(console)
    for kind in (Kind.STARTED, Kind.ENDED, Kind.STARTED, Kind.ENDED, Kind.STARTED, last):
        display.show(ProcessEvent("vertex", kind, 9))
    restarts = "3" if last is Kind.STARTED else "2"
    drawn = make_console(terminal=False)
    drawn.print(status_table(display.programs.items()))

    assert output_of(drawn).splitlines()[-1].split() == ["vertex", word, "9", restarts]


def test_terminal_gets_a_line_only_when_a_program_was_restarted() -> None:
    console = make_console(terminal=True)
    with StatusDisplay(console) as display:
        for kind in (Kind.STARTED, Kind.READY):
            display.show(ProcessEvent("api", kind, 7))
        first = output_of(console)
        for kind in (Kind.ENDED, Kind.STARTED, Kind.READY):
            display.show(ProcessEvent("api", kind, 8, "ended"))
        second = output_of(console)

    assert "restarts" in first
    assert "ready  api" not in first
    assert "ready  api again (start 2)" in second
