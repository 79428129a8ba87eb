"""What the terminal shows of programs that start, end and hang."""

import io

import pytest
from rich.console import Console

from localstack.status import Board, table
from localstack.supervision import Happening, What


def a_console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=100, color_system=None)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_program_when_it_dies_and_comes_back_then_a_warning_and_a_line_without_a_terminal() -> None:
    console = a_console(terminal=False)
    with Board(console) as board:
        for what, pid, detail in (
            (What.STARTED, 7, ""),
            (What.READY, 7, ""),
            (What.ENDED, 7, "was ended by SIGKILL; it is started again"),
            (What.STARTED, 8, ""),
            (What.READY, 8, ""),
        ):
            board.tell(Happening("api", what, pid, detail))

    assert shown(console).splitlines() == [
        "ready  api",
        "warning api was ended by SIGKILL; it is started again",
        "ready  api again (start 2)",
    ]


@pytest.mark.parametrize(
    ("last", "word"), [(What.STARTED, "starting"), (What.READY, "ready"), (What.ENDED, "ended"), (What.HUNG, "hangs")]
)
def test_table_when_drawn_then_shows_state_pid_and_restarts_of_each(last: What, word: str) -> None:
    console = a_console(terminal=False)
    board = Board(console)
    for what in (What.STARTED, What.ENDED, What.STARTED, What.ENDED, What.STARTED, last):
        board.tell(Happening("vertex", what, 9))
    restarts = "3" if last is What.STARTED else "2"
    drawn = a_console(terminal=False)
    drawn.print(table(board.rows.items()))

    assert shown(drawn).splitlines()[-1].split() == ["vertex", word, "9", restarts]


def test_terminal_when_a_program_is_ready_then_only_its_restart_is_worth_a_line() -> None:
    console = a_console(terminal=True)
    with Board(console) as board:
        for what in (What.STARTED, What.READY):
            board.tell(Happening("api", what, 7))
        first = shown(console)
        for what in (What.ENDED, What.STARTED, What.READY):
            board.tell(Happening("api", what, 8, "ended"))
        second = shown(console)

    assert "restarts" in first
    assert "ready  api" not in first
    assert "ready  api again (start 2)" in second
