"""What `up` prints: a table of the stack's programs, a line for each failure, and the addresses once all are ready."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from localstack.layout import Layout
from localstack.state_file import shell_env
from localstack.supervisor import ProcessEvent, ProcessEventKind

_STYLES = {
    ProcessEventKind.STARTED: "yellow",
    ProcessEventKind.READY: "green",
    ProcessEventKind.ENDED: "red",
    ProcessEventKind.HUNG: "red",
}
_WORDS = {
    ProcessEventKind.STARTED: "starting",
    ProcessEventKind.READY: "ready",
    ProcessEventKind.ENDED: "ended",
    ProcessEventKind.HUNG: "hangs",
}


@dataclass(frozen=True, slots=True)
class ProgramStatus:
    last: ProcessEventKind = ProcessEventKind.STARTED
    pid: int = 0
    starts: int = 0

    def after(self, event: ProcessEvent) -> Self:
        starts = self.starts + (event.kind is ProcessEventKind.STARTED)
        return replace(self, last=event.kind, pid=event.pid, starts=starts)


@dataclass(slots=True)
class StatusDisplay:
    """Redraws the table in place on a terminal; anywhere else it prints a line for each change."""

    console: Console
    programs: dict[str, ProgramStatus] = field(default_factory=dict)
    _live: Live = field(init=False)

    def __post_init__(self) -> None:
        # Drawn on change only: an idle stack must use no CPU.
        self._live = Live(console=self.console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, event: ProcessEvent) -> None:
        status = self.programs.get(event.name, ProgramStatus()).after(event)
        self.programs[event.name] = status
        if event.kind in {ProcessEventKind.ENDED, ProcessEventKind.HUNG}:
            self.console.print(f"[red]warning[/red] {event.name} {event.detail}", highlight=False)
        elif event.kind is ProcessEventKind.READY and (status.starts > 1 or not self.console.is_terminal):
            restart = f" again (start {status.starts})" if status.starts > 1 else ""
            self.console.print(f"ready  {event.name}{restart}", highlight=False)
        if self.console.is_terminal:
            self._live.update(status_table(self.programs.items()), refresh=True)


def status_table(programs: Iterable[tuple[str, ProgramStatus]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("program", "state", "pid", "restarts"):
        table.add_column(column)
    for name, status in programs:
        state = f"[{_STYLES[status.last]}]{_WORDS[status.last]}"
        table.add_row(name, state, str(status.pid or ""), str(status.starts - 1) if status.starts > 1 else "")
    return table


def print_welcome(console: Console, layout: Layout, tokens: dict[str, str]) -> None:
    console.print(f"\n[bold]The local stack is up[/bold] (project {layout.project}). Ctrl-C stops it.\n")
    console.print(_address_table(layout))
    console.print("\nFor gcloud, the client libraries and `promptreel` in another shell:\n")
    exports = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in shell_env(layout, tokens).items())
    console.print(exports, soft_wrap=True, highlight=False, markup=False)  # unwrapped, to be copied


def _address_table(layout: Layout) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("part")
    table.add_column("address")
    for name in ("api", "workflows", "vertex", "replicate", "tasks", "storage", "media", "stitcher"):
        table.add_row(name, layout.url(name))
    table.add_row("firestore", layout.firestore_host)
    table.add_row("logs", str(layout.logs))
    return table
