"""Jobs, events, ledgers and bills as people read them: lines for logs and pipes, Rich tables for terminals. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from client.configuration import Setting
from client.documents import (
    FINAL,
    WAITING,
    Call,
    DeliveryList,
    EditedPlan,
    Estimate,
    EstimatedRequest,
    Event,
    InferredValue,
    Job,
    JobPage,
    Ledger,
    ListedModel,
    ListedVideoModel,
    ModelList,
    PriceRange,
    Reconciliation,
    Reference,
    Scene,
    Sheet,
    StyleList,
    SubmittedJob,
    TemplateList,
    WebhookList,
)

MICROS_PER_USD = 1_000_000
_CALL_WORDS = {
    "call_settled": "paid",
    "call_adopted": "paid, found after its answer was lost",
    "call_released": "not billed",
    "call_lost": "lost, counted as paid",
}
_JOB_STYLES = {"COMPLETE": "bold green", "FAILED": "bold red", "CANCELLED": "bold yellow"}
_SCENES = {  # state: (style, word for the clip)
    "PENDING": ("dim", ""),
    "DRAWN": ("cyan", ""),
    "QUEUED": ("cyan", "waiting"),
    "FILMING": ("bold cyan", "filming"),
    "DONE": ("green", "ready"),
    "FILTERED": ("red", "refused"),
    "FAILED": ("red", "failed"),
    "TIMED_OUT": ("red", "timed out"),
}
_VERDICTS = {
    "agrees": "agrees",
    "differs": "differs",
    "never_billed": "never billed: --apply releases it",
    "unclear": "perhaps billed: stays counted",
    "not_covered": "outside the bill's period",
    "open": "not finished yet",
}
_GATES = {
    "storyboard": "the storyboard is written; no picture is paid yet",
    "keyframes": "the keyframes are drawn, and the animatic shows them in time; no clip is paid yet",
    "clips": "the clips are filmed; the film is not stitched yet",
}
_BAR_WIDTH = 20  # the header fits 80 columns


def plain(text: str) -> str:
    """Return one line without control characters: a model wrote the text, and a terminal obeys escape sequences."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())


def dollars(usd: str | Decimal) -> str:
    """Format with at least two decimal places and no more than needed: ``$0.40``, ``$0.000125``."""
    amount = Decimal(usd)
    cents = amount.quantize(Decimal("0.01"))
    return f"${cents}" if cents == amount else f"${amount.normalize():f}"


def dollars_from_micros(micros: int) -> str:
    """Format micro-dollars as `dollars` does."""
    return dollars(Decimal(micros) / MICROS_PER_USD)


def cents(usd: str) -> str:
    """Format to the cent: an estimate is no more exact."""
    return f"${Decimal(usd):.2f}"


def clock_time(seconds: float) -> str:
    """Format seconds as ``0:07``, ``12:30``, ``1:02:03``."""
    minutes, second = divmod(max(0, int(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def elapsed_time(start: str, end: datetime) -> str:
    """Format the time from an ISO 8601 time of the API to another time as ``0:07``, ``12:30``, ``1:02:03``."""
    return clock_time((end - datetime.fromisoformat(start)).total_seconds())


def keyframes_drawn(scene: Scene) -> int:
    """Count the scene's keyframes that exist: 0 to 2."""
    return sum(keyframe is not None for keyframe in scene["keyframes"].values())


def change_lines(before: Job | None, job: Job, now: datetime) -> list[str]:
    """Return one line for the job if its state changed, and one for each scene that changed."""
    known = [_scene_line(scene) for scene in before["scenes"]] if before else []
    scenes = [_scene_line(scene) for scene in sorted(job["scenes"], key=lambda each: each["display_order"])]
    lines = [] if before and before["state"] == job["state"] else [_job_line(job)]
    lines += [line for line in scenes if line not in known]
    return [f"{elapsed_time(job['created'], now):>7}  {line}" for line in lines]


def describe_looks(one: Mapping[str, Any]) -> str:
    """What a character, place or prop looks like, and what a character wears."""
    clothing = f" Wears: {one['clothing']}" if one.get("clothing") else ""
    return f"{one['description']}{clothing}"


def describe_continuity(job: Job) -> str:
    """How the keyframes are made to hold together, and why."""
    continuity = job["continuity"]
    return f"{continuity['mode']}: {continuity['reason']}" if continuity["reason"] else continuity["mode"]


def describe_sheet(sheet: Sheet) -> str:
    """What a sheet shows, and whether it is drawn; its link holds for an hour."""
    error, image = sheet["error"], sheet["image"]
    state = error["message"] if error else image["url"] if image else "not drawn yet"
    return f"{sheet['kind']}, {'; '.join(sheet['views'])}: {state}"


def _continuity_lines(job: Job) -> list[Text]:
    """The way the keyframes are drawn, once it is known, and the sheets that they are drawn from."""
    if not job.get("board") or not job.get("continuity"):
        return []
    lines = [Text.assemble(("Drawn as ", "bold"), plain(describe_continuity(job)))]
    for sheet in job.get("sheets", []):
        state = "given up" if sheet["error"] else "drawn" if sheet["image"] else "not drawn yet"
        lines.append(Text.assemble(("Sheet    ", "bold"), f"{plain(sheet['name'])}, {sheet['kind']}: {state}"))
    return lines


def event_lines(events: Sequence[Event]) -> list[str]:
    """Return one line for each event, with the time since the first one."""
    times = [elapsed_time(events[0]["at"], datetime.fromisoformat(event["at"])) for event in events]
    return [f"{at:>7}  {plain(_event_line(event))}" for at, event in zip(times, events, strict=True)]


def _job_line(job: Job) -> str:
    spent, limit = dollars(job["budget"]["spent_usd"]), dollars(job["budget"]["limit_usd"])
    return f"{job['id']}  {job['state']}  {job['progress']['fraction']:.0%}  {spent} of {limit}"


def _scene_line(scene: Scene) -> str:
    attempts = len(scene["attempts"])
    parts = (
        f"{scene['id']}  {scene['state']}  keyframes {keyframes_drawn(scene)}/2",
        f"attempt {attempts}" if attempts > 1 else "",
        plain(scene["error"]["message"]) if scene["error"] else "",
    )
    return "  ".join(filter(None, parts))


def _event_line(event: Event) -> str:
    kind = event["event"]
    if kind == "state":
        state = event["state"] if event["run"] == 1 else f"{event['state']}, run {event['run']}"
        error = event.get("error")
        return f"{state}: {error['message']} {error['remedy']}" if error else state
    if kind == "try":
        remedy = f"; next: {event['remedy']}" if event["remedy"] else ""
        return f"{event['scene']}, attempt {event['attempt']}: {event['outcome']}{_reason(event)}{remedy}"
    call = f"{event['purpose']}, attempt {event['attempt']}"
    if kind == "call_reused":
        return f"{call}: copied from {event['source']['job']}"
    if kind == "call_sent":
        return f"{call}: sent to {event['model']}, up to {dollars_from_micros(event['reserved_micros'])}"
    cost = f"{dollars_from_micros(event['cost_micros'])} after {event['latency_s']:g} s"
    return f"{call}: {_CALL_WORDS.get(kind, kind)}, {cost}{_reason(event)}"


def _reason(event: Event) -> str:
    codes, reason = ", ".join(event["codes"]), event["reason"]
    return (f" ({codes})" if codes else "") + (f": {reason}" if reason else "")


def job_view(job: Job, now: datetime) -> RenderableType:
    """Draw the whole job: a header, one line per scene, and its result once it ended."""
    ended = job["state"] in FINAL
    parts: list[RenderableType] = [_header(job, now)]
    if treatment := job.get("treatment"):
        parts.append(Text.assemble(("Story    ", "bold"), plain(treatment["logline"])))
    parts += [*map(_inferred_line, job.get("inferred", [])), *_reference_lines(job)] if ended else request_notes(job)
    parts += _continuity_lines(job)
    parts += [Text.assemble((f"{name:<9}", "bold"), words) for name, words in check_entries(job)]
    if job["scenes"]:
        parts.append(Padding(_scene_table(job), (1, 0, 0, 0)))
    if ended:
        parts.append(Padding(result_view(job), (1, 0, 0, 0)))
    elif job["state"] == WAITING:
        parts.append(Padding(gate_view(job), (1, 0, 0, 0)))
    return Group(*parts)


def check_entries(job: Job) -> list[tuple[str, str]]:
    """Return how the check of the keyframes ended, and what drifts in those that stay as they are."""
    check = job.get("check")
    if check is None:
        return []
    redrawn = f", {check['redrawn']} drawn again" if check["redrawn"] else ""
    words = {
        "passed": f"the keyframes hold together{redrawn}",
        "drift": f"{check['failing']} of the keyframes drift and stay{redrawn}",
        "skipped": f"the keyframes were not checked: {check['reason']}",
    }
    drifts = [
        ("", plain(f"{scene['id']}, {one['frame']}: {one['drift']}"))
        for scene in job["scenes"]
        for one in scene.get("verdicts", [])
        if one["is_used"] and one["drift"]
    ]
    return [("Check", f"{plain(words[check['state']])}."), *drifts]


def gate_view(job: Job) -> RenderableType:
    """Draw what there is to look at where the job waits, and the commands that go on."""
    gate = job.get("gate")
    if gate is None:
        return Text("It waits for approval.", style="bold yellow")
    limit, reserved = dollars(job["budget"]["limit_usd"]), dollars(job["budget"]["reserved_usd"])
    until = f", until {datetime.fromisoformat(gate['expires']):%Y-%m-%d}" if gate["expires"] else ""
    is_editable = gate["stage"] != "clips"
    lines = [
        *(_board_lines(job) if is_editable else []),
        Text.assemble(("Waits    ", "bold yellow"), f"{_GATES.get(gate['stage'], gate['stage'])}{until}."),
        *estimate_lines(gate.get("estimate")),
        Text.assemble(("Costs    ", "bold"), f"up to {reserved} more are reserved for it; the limit is {limit}."),
        Text.assemble(("Go on    ", "bold"), f"promptreel approve {job['id']} --watch"),
        *([Text.assemble(("Change   ", "bold"), f"promptreel edit {job['id']} --help")] if is_editable else []),
        Text.assemble(("Stop     ", "bold"), f"promptreel cancel {job['id']}"),
    ]
    return Group(*lines)


def edited_lines(edited: EditedPlan) -> list[Text]:
    """Return what an edit changed, what is redone because of it, and how to go on."""
    redo = edited["redo"]
    pictures = [*(f"the sheet of {plain(name)}" for name in redo.get("sheets", [])), *redo["keyframes"]]
    redrawn = f"{', '.join(pictures)}, for up to {dollars(redo['at_most_usd'])}" if pictures else "nothing"
    left, limit = dollars(edited["left_at_most_usd"]), dollars(edited["limit_usd"])
    return [
        Text.assemble(("Changed  ", "bold"), plain(", ".join(edited["changed"])) or "nothing"),
        Text.assemble(("Redrawn  ", "bold"), redrawn),
        Text.assemble(("Film     ", "bold"), f"{edited['planned_duration_s']:g} s, revision {edited['revision']}"),
        Text.assemble(("Costs    ", "bold"), f"up to {left} for all that is not made yet; the limit is {limit}."),
        *([Text.assemble(("Look     ", "bold"), _look_again(edited["id"]))] if redo["keyframes"] else []),
        Text.assemble(("Go on    ", "bold"), f"promptreel approve {edited['id']} --watch"),
    ]


def _look_again(job_id: str) -> str:
    return f"promptreel approve {job_id} --stop-after keyframes --watch   draws them and shows them first"


def _board_lines(job: Job) -> list[Text]:
    """Return the storyboard as lines: look and cast, then each scene with its length and its prompts."""
    lines = []
    board = job.get("board")
    if board:
        lines.append(Text.assemble(("Style    ", "bold"), plain(board["style_guide"]["visual_style"])))
        people = (f"{plain(person['name'])}: {plain(describe_looks(person))}" for person in board["characters"])
        lines += [Text.assemble(("Cast     ", "bold"), person) for person in people]
        props = (f"{plain(one['name'])}: {plain(one['description'])}" for one in board.get("props", []))
        lines += [Text.assemble(("Prop     ", "bold"), prop) for prop in props]
    for scene in sorted(job["scenes"], key=lambda each: each["display_order"]):
        shown = f"{scene['duration_s']:g} s  {plain(scene['description'])}"
        lines.append(Text.assemble((f"{scene['id']} ", "bold"), shown))
        prompts = {
            "first": scene.get("start_prompt"),
            "last": scene.get("end_prompt"),
            "motion": scene.get("motion_prompt"),
        }
        lines += [Text.assemble((f"{'':9}{name}: ", "dim"), plain(text)) for name, text in prompts.items() if text]
    return lines


def plan_lines(job: Job | EstimatedRequest) -> list[Text]:
    """Return one line for each model of the job's plan, with the reason for it."""
    return [
        Text.assemble(("Model    ", "bold"), f"{model['kind']} {model['id']}: {plain(model['reason'])}")
        for model in job.get("models", [])
    ]


def source_lines(job: Job) -> list[Text]:
    """Return a line with the film that an upgrade takes over."""
    source = job.get("upgraded_from")
    return [Text.assemble(("From     ", "bold"), source)] if source else []


def request_notes(job: SubmittedJob | Job | EstimatedRequest) -> list[Text]:
    """Return one line for each value that was read from the prompt, and one for each warning."""
    return [
        *map(_inferred_line, job.get("inferred", [])),
        *_reference_lines(job),
        *map(_warning_line, job.get("warnings", [])),
    ]


def describe_reference(reference: Reference) -> str:
    """What a picture shows, its size, and what it is drawn into."""
    consent = "; with a statement of consent" if reference["consent"] else ""
    size = f"{reference['width_px']}x{reference['height_px']}"
    return f"{reference['kind']} {reference['name']}, {size}, drawn into {reference['drawn_into']}{consent}"


def _reference_lines(job: SubmittedJob | Job | EstimatedRequest) -> list[Text]:
    """One line for each of the user's own pictures, and one that says how they reach the film."""
    references = cast(list[Reference], job.get("references", []))
    way = cast(str | None, job.get("references_way"))
    texts = [*(plain(describe_reference(one)) for one in references), *([way] if way else [])]
    return [Text.assemble(("Picture  ", "bold"), text) for text in texts]


def estimate_lines(estimate: Estimate | None) -> list[Text]:
    """Return one line with the price and the wait; none for a job without an estimate."""
    if estimate is None:
        return []
    total, wait = estimate["total"], estimate["wait_s"]
    price = f"{cents(total['low_usd'])} to {cents(total['high_usd'])}, about {cents(total['expected_usd'])}"
    time = f"{clock_time(wait['low'])} to {clock_time(wait['high'])}, about {clock_time(wait['expected'])}"
    return [Text.assemble(("Estimate ", "bold"), f"{price}; in {time}")]


def estimate_view(found: EstimatedRequest) -> RenderableType:
    """Draw an estimate by stage, the wait, the models, and what was read from the prompt."""
    estimate = found["estimate"]
    table = _table("STAGE", ">LOW", ">EXPECTED", ">HIGH")
    parts = [(part["stage"], cast(PriceRange, part)) for part in estimate["stages"]]
    for stage, price in (*parts, ("platform", estimate["platform"])):
        table.add_row(stage, cents(price["low_usd"]), cents(price["expected_usd"]), cents(price["high_usd"]))
    total, wait, scenes = estimate["total"], estimate["wait_s"], estimate["scenes"]
    table.add_section()
    sums = (total["low_usd"], total["expected_usd"], total["high_usd"])
    table.add_row(*(Text(text, style="bold") for text in ("Total", *map(cents, sums))))
    table.add_row("Wait", *(clock_time(wait[bound]) for bound in ("low", "expected", "high")))
    span = "-".join(map(str, dict.fromkeys((scenes["fewest"], scenes["most"]))))
    return Group(
        table,
        Text(
            f"{span} scene{'s' * (span != '1')}; a budget of {dollars(estimate['needed_usd'])} holds the plan.", "dim"
        ),
        *plan_lines(found),
        *request_notes(found),
    )


def result_view(job: Job) -> RenderableType:
    """Draw warnings and the film, or the error with its remedy; the film's URL is printed apart, in one piece."""
    lines = [_warning_line(warning) for warning in job["warnings"]]
    output, error = job["output"], job["error"]
    if output is not None:
        length = f"{output['duration_s']:g} s, {output['frames']} frames"
        lines.append(Text.assemble(("Film     ", "bold green"), length))
    if error is not None:
        where = ", ".join(plain(part) for part in (error["step"], error["scene"]) if part)
        lines.append(Text.assemble(("Error    ", "bold red"), plain(error["message"]), f" ({where})" if where else ""))
        if error["remedy"]:
            lines.append(Text.assemble(("Fix      ", "bold"), plain(error["remedy"])))
    return Group(*lines or [Text("No film was made.", style="dim")])


def settings_view(settings: Mapping[str, Setting], file: Path) -> RenderableType:
    """Draw one line per setting with where it was found."""
    table = _table("SETTING", "VALUE", "FROM")
    for name, setting in settings.items():
        value = Text(plain(setting.value), overflow="fold") if setting.value else Text("not set", style="dim")
        table.add_row(name, value, setting.source or "")
    return Group(table, Text(f"The file is {file}.", style="dim"))


def jobs_view(page: JobPage, *, with_owner: bool = False) -> RenderableType:
    """Draw one line per job."""
    if not page["jobs"]:
        return Text("No jobs.", style="dim")
    table = _table("JOB", "STATE", "CREATED", *(["OWNER"] if with_owner else []), "FILM")
    for job in page["jobs"]:
        table.add_row(
            Text(job["id"], no_wrap=True),
            _job_state(job["state"]),
            f"{datetime.fromisoformat(job['created']):%Y-%m-%d %H:%M}",
            *([plain(job.get("owner", ""))] if with_owner else []),
            Text(plain(job["title"] or ""), overflow="ellipsis", no_wrap=True),
        )
    if page["next_page_token"]:
        return Group(table, Text(f"More: --page {page['next_page_token']}", style="dim"))
    return table


def styles_view(styles: StyleList, templates: TemplateList) -> RenderableType:
    """Draw the styles with their sentence, then the templates with their usual scenes and seconds."""
    by_style, by_template = _table("STYLE", "WHAT IT IS"), _table("TEMPLATE", "WHAT IT IS", ">SCENES", ">SEC")
    for table in (by_style, by_template):
        table.columns[0].no_wrap = True  # all of an id can be copied
    for style in styles["styles"]:
        by_style.add_row(style["id"], style["sentence"])
    for one in templates["templates"]:
        by_template.add_row(one["id"], one["sentence"], str(one["scenes"]), str(one["duration_s"]))
    return Group(by_style, by_template, Text("--json has the craft of each, and other names for it.", style="dim"))


def webhooks_view(found: WebhookList) -> RenderableType:
    """Draw the webhooks of the caller."""
    table = _table("WEBHOOK", "ADDRESS", "EVENTS")
    for one in found["webhooks"]:
        state = f"off: {one['disabled']}" if one["disabled"] else " ".join(one["events"])
        table.add_row(one["id"], one["url"], state, style="red" if one["disabled"] else "")
    return table


def deliveries_view(found: DeliveryList) -> RenderableType:
    """Draw the delivery log of a job, with the outcome of the latest attempt."""
    table = _table("EVENT", "SCENE", "WEBHOOK", "STATE", ">TRIES", "LATEST", "NEXT")
    for one in found["deliveries"]:
        latest = one["attempts"][-1] if one["attempts"] else None
        outcome = str(latest["status"] or latest["problem"]) if latest else ""
        cells = (one["type"], one["scene"] or "", one["webhook"], one["state"], str(len(one["attempts"])), outcome)
        table.add_row(*cells, one["next_attempt"] or "", style="red" if one["state"] == "failed" else "")
    return table


def models_view(found: ModelList) -> RenderableType:
    """Draw the models, a video model with one line per resolution; then those that end soon and those that are off."""
    table = _table("MODEL", "KIND", "STAGE", "END", "SIZE", "SEC", "SOUND", ">USD/S")
    table.padding = (0, 1, 0, 0)  # fits 80 columns, except for the longest id
    table.columns[0].overflow = "fold"  # all of an id can be copied
    for column in table.columns[1:]:
        column.no_wrap = True
    for model in found["models"]:
        style = "dim" if model["obstacle"] else "red" if model["has_ended"] else "yellow" if model["ends_soon"] else ""
        kind = "lips" if model["kind"] == "lipsync" else model["kind"]  # as narrow as the others
        cells = (model["id"], kind, model["stage"], model["retires_not_before"] or "")
        first, *rest = _format_rows(cast(ListedVideoModel, model)) if model["kind"] == "video" else [()]
        table.add_row(*cells, *first, style=style)
        for row in rest:
            table.add_row("", "", "", "", *row, style=style)
    return Group(
        table,
        Text("USD/S is with sound where a model films it; --json has the other prices.", style="dim"),
        *map(_ending_line, filter(lambda one: one["ends_soon"], found["models"])),
        *_off_lines(found),
    )


def _format_rows(model: ListedVideoModel) -> list[tuple[str, ...]]:
    """Return resolution, seconds, sound and the price of one second, the smallest frames first."""
    prices = model["price"]["per_second_micros"]
    price_micros = prices["with_audio"] or prices["silent"]
    return [
        (
            resolution,
            _span(model["seconds"][resolution]),
            model["sound"],
            dollars_from_micros(price_micros[resolution]).removeprefix("$"),
        )
        for resolution in sorted(model["frame_px"], key=lambda each: min(model["frame_px"][each].values()))
    ] or [()]


def _span(seconds: Sequence[int]) -> str:
    """Format whole seconds as ``3-10`` when none is left out, else as ``4 6 8``."""
    first, last = seconds[0], seconds[-1]
    has_all = len(seconds) > 1 and list(seconds) == list(range(first, last + 1))
    return f"{first}-{last}" if has_all else " ".join(map(str, seconds))


def _ending_line(model: ListedModel) -> Text:
    successor = f"; {model['replaced_by']} takes its place where it fits" if model["replaced_by"] else ""
    end = f"may be switched off from {model['retires_not_before']} on{successor}."
    label, style = ("Ended    ", "red") if model["has_ended"] else ("Ends     ", "yellow")
    return Text(f"{label}{model['id']} {end}", style=style)


def _off_lines(found: ModelList) -> list[Text]:
    """Return one line for each reason for which models cannot be named here, with the way out."""
    remedies: dict[str, list[str]] = {}
    for model in found["models"]:
        if model["obstacle"]:
            remedies.setdefault(model["obstacle"]["remedy"], []).append(model["id"])
    return [Text.assemble(("Off here ", "bold"), f"{', '.join(ids)}. {plain(way)}") for way, ids in remedies.items()]


def ledger_view(ledger: Ledger) -> RenderableType:
    """Draw one line per paid call, oldest first, and the sums: reserved by unfinished calls, spent by the others."""
    table = _table("PURPOSE", "MODEL", "STATE", ">ATTEMPT", ">RESERVED", ">COST")
    table.columns[0].no_wrap = True  # a narrow terminal shortens the model instead
    for call in sorted(ledger["calls"], key=lambda each: each["at"]):
        counted = dollars_from_micros(call["counted_micros"])
        table.add_row(
            call["purpose"],
            call["model"],
            _call_state(call),
            str(call["attempt"]),
            counted if call["counted_as"] == "reserved" else "",
            counted if call["counted_as"] == "spent" else "",
        )
    totals = ledger["totals"]
    table.add_section()
    table.add_row(
        Text("Total", style="bold"),
        Text(f"limit {dollars_from_micros(totals['limit_micros'])}", style="dim"),
        "",
        str(len(ledger["calls"])),
        dollars_from_micros(totals["reserved_micros"]),
        Text(dollars_from_micros(totals["spent_micros"]), style="bold"),
    )
    return table


def _call_state(call: Call) -> str:
    source = call.get("source")
    return f"{call['state']}, copied from {source['job']}" if source else call["state"]


def reconciliation_view(found: Reconciliation) -> RenderableType:
    """Draw one line per call: the ledger's amount, the bill's, and whether they agree; then the sums."""
    table = _table("PURPOSE", ">ATTEMPT", "STATE", ">LEDGER", ">BILL", "")
    for call in found["calls"]:
        billed, verdict = call["billed_micros"], call["verdict"]
        words = "released" if call["id"] in found["released"] else _VERDICTS.get(verdict, verdict)
        table.add_row(
            call["purpose"],
            str(call["attempt"]),
            call["state"],
            dollars_from_micros(call["ledger_micros"]),
            "" if billed is None else dollars_from_micros(billed),
            Text(words, style="" if verdict == "agrees" else "bold yellow"),
        )
    for row in found["unknown"]:
        uri = Text(plain(row["storage_uri"]), overflow="fold")
        missing = Text("not in the ledger", style="bold red")
        table.add_row(uri, "", "", "", dollars_from_micros(row["micros"]), missing)
    totals = found["totals"]
    table.add_section()
    ledger, bill = dollars_from_micros(totals["ledger_micros"]), dollars_from_micros(totals["billed_micros"])
    table.add_row(Text("Total", style="bold"), "", "", ledger, bill, "")
    return table


def _header(job: Job, now: datetime) -> RenderableType:
    progress, budget = job["progress"], job["budget"]
    until = datetime.fromisoformat(job["updated"]) if job["state"] in FINAL else now
    title = plain(job["title"] or job["request"].get("prompt") or job["id"])
    facts = Table.grid(padding=(0, 2))
    facts.add_row(
        _job_state(job["state"]),
        *([] if progress["stage"] == job["state"] else [Text(progress["stage"], style="dim")]),
        ProgressBar(total=1.0, completed=progress["fraction"], width=_BAR_WIDTH),
        f"{progress['fraction']:.0%}",
        f"{dollars(budget['spent_usd'])} of {dollars(budget['limit_usd'])}",
        elapsed_time(job["created"], until),
        *time_left(job),
    )
    return Group(Text(title, style="bold", no_wrap=True, overflow="ellipsis"), Text(job["id"], style="dim"), facts)


def time_left(job: Job) -> list[str]:
    """Say how long a running job still needs: its share of the estimate that is not made yet; else nothing."""
    estimate = job.get("estimate")
    if estimate is None or job["state"] in FINAL or job["state"] == WAITING:
        return []
    return [f"about {clock_time(estimate['wait_s']['expected'] * (1 - job['progress']['fraction']))} left"]


def _scene_table(job: Job) -> Table:
    table = _table("#", "SCENE", "STATE", "KEYFRAMES", "CLIP", ">ATTEMPTS")
    table.expand = True
    table.columns[1].ratio = 1
    for scene in sorted(job["scenes"], key=lambda each: each["display_order"]):
        drawn = keyframes_drawn(scene)
        error = scene["error"]
        style, clip = _SCENES.get(scene["state"], ("", ""))
        text = plain(error["message"] if error else scene["description"])
        table.add_row(
            str(scene["display_order"]),
            Text(text, no_wrap=True, overflow="ellipsis", style="red" if error else ""),
            Text(scene["state"], style=style),
            f"{'●' * drawn}{'○' * (2 - drawn)}",
            clip,
            str(len(scene["attempts"]) or ""),
        )
    return table


def _inferred_line(inferred: InferredValue) -> Text:
    unit = {"scenes": " scenes", "duration_s": " s"}.get(inferred["field"], "")
    return Text.assemble(("Read     ", "bold"), f"{inferred['value']}{unit} from “{plain(inferred['words'])}”")


def _warning_line(warning: str) -> Text:
    return Text(f"Warning  {plain(warning)}", style="yellow")


def _job_state(state: str) -> Text:
    return Text(state, style=_JOB_STYLES.get(state, "bold cyan"))


def _table(*headings: str) -> Table:
    """Return a table without lines; the column of a heading that begins with `>` is aligned to the right."""
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading.removeprefix(">"), justify="right" if heading.startswith(">") else "left")
    return table
