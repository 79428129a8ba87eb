"""What the person at the terminal sees while the stack runs: a table of its programs, and a line for each mishap."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from localstack.supervision import Happening, What

_STYLES = {What.STARTED: "yellow", What.READY: "green", What.ENDED: "red", What.HUNG: "red"}
_WORDS = {What.STARTED: "starting", What.READY: "ready", What.ENDED: "ended", What.HUNG: "hangs"}


@dataclass(frozen=True, slots=True)
class Row:
    what: What = What.STARTED
    pid: int = 0
    starts: int = 0

    def after(self, happening: Happening) -> Self:
        starts = self.starts + (happening.what is What.STARTED)
        return replace(self, what=happening.what, pid=happening.pid, starts=starts)


@dataclass(slots=True)
class Board:
    """Draws the table in place on a terminal; anywhere else it prints a line whenever something changes."""

    console: Console
    rows: dict[str, Row] = field(default_factory=dict)
    _live: Live = field(init=False)

    def __post_init__(self) -> None:
        # Drawn on change only: an idle stack must stay idle.
        self._live = Live(console=self.console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def tell(self, happening: Happening) -> None:
        before = self.rows.get(happening.name, Row())
        self.rows[happening.name] = after = before.after(happening)
        if happening.what in {What.ENDED, What.HUNG}:
            self.console.print(f"[red]warning[/red] {happening.name} {happening.detail}", highlight=False)
        elif happening.what is What.READY and (after.starts > 1 or not self.console.is_terminal):
            again = f" again (start {after.starts})" if after.starts > 1 else ""
            self.console.print(f"ready  {happening.name}{again}", highlight=False)
        if self.console.is_terminal:
            self._live.update(table(self.rows.items()), refresh=True)


def table(rows: Iterable[tuple[str, Row]]) -> Table:
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("program", "state", "pid", "restarts"):
        drawn.add_column(column)
    for name, row in rows:
        state = f"[{_STYLES[row.what]}]{_WORDS[row.what]}"
        drawn.add_row(name, state, str(row.pid or ""), str(row.starts - 1) if row.starts > 1 else "")
    return drawn
