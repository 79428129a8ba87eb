"""A job, a list of jobs and a bill as Rich renderables: pure, from the API's JSON and a moment to the picture of it.

Nothing here asks the API, prints, or knows whether it is drawn once or every second.
"""

from datetime import datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from client import words
from client.shapes import FINAL, Inferred, Job, JobPage, Ledger, Reconciled, Scene, Submitted

_JOB_STYLES = {"COMPLETE": "bold green", "FAILED": "bold red", "CANCELLED": "bold yellow"}
_SCENE_STYLES = {
    "PENDING": "dim",
    "DRAWN": "cyan",
    "QUEUED": "cyan",
    "FILMING": "bold cyan",
    "DONE": "green",
    "FILTERED": "red",
    "FAILED": "red",
    "TIMED_OUT": "red",
}
_CLIP_WORDS = {
    "PENDING": "",
    "DRAWN": "",
    "QUEUED": "waiting",
    "FILMING": "filming",
    "DONE": "ready",
    "FILTERED": "refused",
    "FAILED": "failed",
    "TIMED_OUT": "too late",
}
_VERDICT_WORDS = {
    "agrees": "agrees",
    "differs": "differs",
    "never_billed": "never billed: --apply releases it",
    "unclear": "perhaps billed: stays counted",
    "not_covered": "outside the bill's time",
    "open": "not finished yet",
}
_BAR_WIDTH = 20  # the header fits 80 columns


def job_view(job: Job, now: datetime) -> RenderableType:
    """The whole job: a header, one line per scene, and how it ended if it did."""
    parts: list[RenderableType] = [_header(job, now)]
    parts += map(_read, job.get("inferred", [])) if job["state"] in FINAL else notes(job)
    if job["scenes"]:
        parts.append(Padding(_scenes(job), (1, 0, 0, 0)))
    if job["state"] in FINAL:
        parts.append(Padding(ending_view(job), (1, 0, 0, 0)))
    return Group(*parts)


def notes(told: Submitted | Job) -> list[Text]:
    """One line for each value that was read from the prompt, and for each thing that cannot be met."""
    return [*map(_read, told.get("inferred", [])), *map(_warning, told.get("warnings", []))]


def _read(inferred: Inferred) -> Text:
    value = {"scenes": f"{inferred['value']} scenes", "duration_s": f"{inferred['value']} s"}
    return Text.assemble(
        ("Read     ", "bold"),
        f"{value.get(inferred['field'], inferred['value'])} from “{words.plain(inferred['words'])}”",
    )


def _warning(warning: str) -> Text:
    return Text(f"Warning  {words.plain(warning)}", style="yellow")


def ending_view(job: Job) -> RenderableType:
    """What came of it: the film, or the error with its remedy; never the film's address, which no frame may cut."""
    lines: list[RenderableType] = [_warning(warning) for warning in job["warnings"]]
    output, error = job["output"], job["error"]
    if output is not None:
        length = f"{words.film_time(output['duration_s'])}, {output['frames']} frames"
        lines.append(Text.assemble(("Film     ", "bold green"), length))
    if error is not None:
        where = ", ".join(words.plain(part) for part in (error["step"], error["scene"]) if part)
        lines.append(
            Text.assemble(("Error    ", "bold red"), words.plain(error["message"]), f" ({where})" if where else "")
        )
        if error["remedy"]:
            lines.append(Text.assemble(("Way out  ", "bold"), words.plain(error["remedy"])))
    if not lines:
        lines.append(Text("Nothing was delivered.", style="dim"))
    return Group(*lines)


def jobs_view(page: JobPage, *, with_owner: bool = False) -> RenderableType:
    """One line per job."""
    if not page["jobs"]:
        return Text("No jobs.", style="dim")
    table = _table("JOB", "STATE", "CREATED", *(["OWNER"] if with_owner else []), "FILM")
    for job in page["jobs"]:
        table.add_row(
            Text(job["id"], no_wrap=True),
            _state(job["state"]),
            f"{words.moment(job['created']):%Y-%m-%d %H:%M}",
            *([words.plain(job.get("owner", ""))] if with_owner else []),
            Text(words.plain(job["title"] or ""), overflow="ellipsis", no_wrap=True),
        )
    if page["next_page_token"]:
        return Group(table, Text(f"More: --page {page['next_page_token']}", style="dim"))
    return table


def ledger_view(ledger: Ledger) -> RenderableType:
    """One line per paid call in the order they were made, and their sums: reserved by open calls, spent by others."""
    table = _table("PURPOSE", "MODEL", "STATE", "TRY", "RESERVED", "COST")
    for column in table.columns[-3:]:
        column.justify = "right"
    for call in sorted(ledger["calls"], key=lambda each: each["at"]):
        table.add_row(
            call["purpose"],
            call["model"],
            call["state"],
            str(call["attempt"]),
            words.dollars_of(call["counted_micros"]) if call["counted_as"] == "reserved" else "",
            words.dollars_of(call["counted_micros"]) if call["counted_as"] == "spent" else "",
        )
    totals = ledger["totals"]
    table.add_section()
    table.add_row(
        Text("Total", style="bold"),
        Text(f"limit {words.dollars_of(totals['limit_micros'])}", style="dim"),
        "",
        str(len(ledger["calls"])),
        words.dollars_of(totals["reserved_micros"]),
        Text(words.dollars_of(totals["spent_micros"]), style="bold"),
    )
    return table


def reconciled_view(found: Reconciled) -> RenderableType:
    """One line per call: what the ledger counts, what the bill says, and whether they agree; then the sums."""
    table = _table("PURPOSE", "TRY", "STATE", "LEDGER", "BILL", "")
    for column in (table.columns[1], *table.columns[3:5]):
        column.justify = "right"
    for call in found["calls"]:
        billed, verdict = call["billed_micros"], call["verdict"]
        told = "released" if call["id"] in found["released"] else _VERDICT_WORDS.get(verdict, verdict)
        table.add_row(
            call["purpose"],
            str(call["attempt"]),
            call["state"],
            words.dollars_of(call["ledger_micros"]),
            "" if billed is None else words.dollars_of(billed),
            Text(told, style="" if verdict == "agrees" else "bold yellow"),
        )
    for row in found["unknown"]:
        where = words.plain(row["storage_uri"])
        table.add_row(Text(where, overflow="fold"), "", "", "", words.dollars_of(row["micros"]), _not_in_ledger())
    totals = found["totals"]
    table.add_section()
    table.add_row(
        Text("Total", style="bold"),
        "",
        "",
        words.dollars_of(totals["ledger_micros"]),
        words.dollars_of(totals["billed_micros"]),
        "",
    )
    return table


def _not_in_ledger() -> Text:
    return Text("not in the ledger", style="bold red")


def title(job: Job) -> str:
    """The film's title, or the first words of the idea."""
    return words.plain(job["title"] or job["request"].get("prompt") or job["id"])


def frames_drawn(scene: Scene) -> int:
    """How many of the scene's two keyframes stand."""
    return sum(frame is not None for frame in (scene["keyframes"]["start"], scene["keyframes"]["end"]))


def _header(job: Job, now: datetime) -> RenderableType:
    progress, budget = job["progress"], job["budget"]
    until = words.moment(job["updated"]) if job["state"] in FINAL else now
    name = Text(title(job), style="bold", no_wrap=True, overflow="ellipsis")
    facts = Table.grid(padding=(0, 2))
    facts.add_row(
        _state(job["state"]),
        *([] if progress["stage"] == job["state"] else [Text(progress["stage"], style="dim")]),
        ProgressBar(total=1.0, completed=progress["fraction"], width=_BAR_WIDTH),
        f"{progress['fraction']:.0%}",
        f"{words.dollars(budget['spent_usd'])} of {words.dollars(budget['limit_usd'])}",
        words.clock_time(words.elapsed_s(job["created"], until)),
    )
    return Group(name, Text(job["id"], style="dim"), facts)


def _scenes(job: Job) -> Table:
    table = _table("#", "SCENE", "STATE", "FRAMES", "CLIP", "TRIES")
    table.expand = True
    table.columns[1].ratio = 1
    table.columns[-1].justify = "right"
    for scene in sorted(job["scenes"], key=lambda each: each["display_order"]):
        drawn = frames_drawn(scene)
        trouble = scene["error"]
        told = trouble["message"] if trouble else scene["description"]
        table.add_row(
            str(scene["display_order"]),
            Text(words.plain(told), no_wrap=True, overflow="ellipsis", style="red" if trouble else ""),
            Text(scene["state"], style=_SCENE_STYLES.get(scene["state"], "")),
            f"{'●' * drawn}{'○' * (2 - drawn)}",
            _CLIP_WORDS.get(scene["state"], ""),
            str(len(scene["attempts"]) or ""),
        )
    return table


def _state(state: str) -> Text:
    return Text(state, style=_JOB_STYLES.get(state, "bold cyan"))


def _table(*headings: str) -> Table:
    return Table(*headings, box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
