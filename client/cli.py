"""The commands of `promptreel`: each parses options, makes one call of the client and prints the answer."""

import json
import os
import re
import sys
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import uuid4

import typer
from rich.console import Console, Group, RenderableType
from rich.text import Text
from typer import Argument, Exit, Option

from client.api import PromptreelClient, connect, film_address
from client.completion import choice, complete_job
from client.configuration import API, DEBUG, NAMES, TOKEN, check_name, find_setting, settings_file, store_setting
from client.documents import WAITING, EstimatedRequest, FilmRequest, Job, SubmittedJob, agrees
from client.errors import ClientError, InvalidInput, NotReachable, ProblemError
from client.input_files import parse_numbers, read_bill, select_rows
from client.outcomes import ExitCode, outcome_of_error, outcome_of_job
from client.pictures import upload_pictures
from client.plan_edits import build_edit, read_revision
from client.plan_page import html_page, markdown_page
from client.request_options import Budget, takes_film_request
from client.views import (
    deliveries_view,
    edited_lines,
    estimate_lines,
    estimate_view,
    event_lines,
    job_view,
    jobs_view,
    ledger_view,
    models_view,
    plan_lines,
    reconciliation_view,
    request_notes,
    settings_view,
    source_lines,
    styles_view,
    webhooks_view,
)
from client.watching import follow, show
from client.web_address import parse_address

JOB_ID: Final = re.compile(r"job-[0-9a-f]{20}")


def _print_version(requested: bool) -> None:
    if requested:
        print(f"promptreel {version('promptreel')}")
        raise Exit


# Options of several commands. The server decides which values are legal.
Api = Annotated[
    str, Option("--api", metavar="URL", envvar=API, help="Address of the API; default: that of `promptreel config`.")
]
Token = Annotated[
    str,
    Option("--token", metavar="JWT", envvar=TOKEN, help="ID token of the caller; default: one of gcloud's account."),
]
AsJson = Annotated[bool, Option("--json", help="Print the API's JSON instead of a table.")]
JobId = Annotated[str, Argument(metavar="JOB", help="A job's id.", autocompletion=complete_job)]
Key = Annotated[str, Option(metavar="KEY", help="Repeat a request with the same key to get the same job.")]
StopAfter = Annotated[str | None, choice("keyframes|clips", "Stop again after this stage.", "--stop-after")]
Watch = Annotated[bool, Option("--watch", help="Watch until the job ends, or waits for approval.")]

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.callback(help="Turn a written idea into a finished film, and watch its progress.")
def _root(
    *,
    show_version: Annotated[
        bool, Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


@app.command()
@takes_film_request
def submit(
    request: FilmRequest,
    *,
    yes: Annotated[bool, Option("--yes", "-y", help="Submit without asking after the estimate.")] = False,
    idempotency_key: Key = "",
    watch: Watch = False,
    as_json: AsJson = False,
    api: Api = "",
    token: Token = "",
) -> None:
    """Submit a film request; on a terminal the estimate is shown first, and you are asked."""
    with connect(api, token) as client:
        wanted = upload_pictures(client, request)
        has_asked = not yes and sys.stdin.isatty() and sys.stderr.isatty()
        if has_asked:
            _confirm_estimate(client.estimate(wanted))
        job = _submit(lambda key: client.submit(wanted, key), idempotency_key)
        if not has_asked:  # the estimate that was shown has the same notes
            _print_notes(job)
        _print_submitted(client, job, watch=watch, as_json=as_json)


@app.command()
def upgrade(
    job: JobId,
    *,
    scenes: Annotated[
        str | None, Option(metavar="N,N", help="Numbers of the scenes to film anew; default: all of them.")
    ] = None,
    quality: Annotated[str | None, choice("draft|standard|best", "Which models to use.")] = None,
    video_model: Annotated[str | None, Option("--model", metavar="ID", help="Model that films the clips.")] = None,
    resolution: Annotated[str | None, choice("360p|720p|1080p|4k", "Resolution of the film.")] = None,
    budget: Budget = None,
    idempotency_key: Key = "",
    watch: Watch = False,
    as_json: AsJson = False,
    api: Api = "",
    token: Token = "",
) -> None:
    """Make a finished film again by a better model; what is not filmed anew is copied and costs nothing."""
    fields = {
        "scenes": None if scenes is None else parse_numbers("--scenes", scenes),
        "quality": quality,
        "models": None if video_model is None else {"video": video_model},
        "resolution": resolution,
        "budget_usd": budget,
    }
    request = {field: value for field, value in fields.items() if value is not None}
    with connect(api, token) as client:
        submitted = _submit(lambda key: client.upgrade(job, request, key), idempotency_key)
        _print_notes(submitted)
        _print_submitted(client, submitted, watch=watch, as_json=as_json)


@app.command()
@takes_film_request
def estimate(request: FilmRequest, *, as_json: AsJson = False, api: Api = "", token: Token = "") -> None:
    """Estimate what a film would cost and how long it would take; free, nothing is filmed."""
    with connect(api, token) as client:
        found = client.estimate(request)
    _print_answer(found, lambda: estimate_view(found), as_json=as_json)


@app.command()
@takes_film_request
def plan(
    request: FilmRequest,
    *,
    html: Annotated[
        Path | None, Option(metavar="FILE", help="Write the page as HTML, which a browser prints as PDF.")
    ] = None,
    pdf: Annotated[
        Path | None, Option(metavar="FILE", help="Write the page as PDF, in the fonts of this machine.")
    ] = None,
    idempotency_key: Key = "",
    as_json: AsJson = False,
    api: Api = "",
    token: Token = "",
) -> None:
    """Print the storyboard of an idea, or of a JOB, as a page for review; no picture is drawn and no clip filmed."""
    _check_page_options(html, pdf, as_json=as_json)
    given = str(request["prompt"])
    with connect(api, token) as client:
        if JOB_ID.fullmatch(given):
            job = client.job(given)
        else:
            stopping = {**upload_pictures(client, request), "stop_after": "storyboard"}
            job_id = _submit(lambda key: client.submit(stopping, key), idempotency_key)["id"]
            with _leave_running(f"promptreel plan {job_id}"):
                job = show(follow(client, job_id), Console(stderr=True))
    if job.get("board") is None:
        _print_note(Text(f"{job['id']} is {job['state']} and has no storyboard."))
        raise Exit(ExitCode.FAILED)
    if as_json:
        _print_json(job)
    elif html is not None:
        html.write_text(html_page(job), encoding="utf-8")
        print(html)
    elif pdf is not None:
        _write_pdf(job, pdf)
        print(pdf)
    else:
        print(markdown_page(job), end="")


@app.command("watch")
def watch_job(job: JobId, *, as_json: AsJson = False, api: Api = "", token: Token = "") -> None:
    """Watch a job's progress until it ends, or waits for your approval."""
    with connect(api, token) as client:
        _watch(client, job, as_json=as_json)


@app.command()
def status(job: JobId, *, as_json: AsJson = False, api: Api = "", token: Token = "") -> None:
    """Show a job's progress."""
    with connect(api, token) as client:
        found = client.job(job)
    _print_answer(
        found,
        lambda: Group(
            *source_lines(found),
            *plan_lines(found),
            *estimate_lines(found.get("estimate")),
            job_view(found, datetime.now(UTC)),
        ),
        as_json=as_json,
    )
    if not as_json:
        _print_film_url(found)
        _print_animatic_url(found)


@app.command("list")
def list_jobs(
    *,
    state: Annotated[str | None, Option(metavar="STATE", help="Only jobs in this state.")] = None,
    owner: Annotated[
        str | None, Option(metavar="EMAIL", help="For operators: jobs of this owner, or of 'operators'.")
    ] = None,
    every_owner: Annotated[bool, Option("--all", help="For operators: the jobs of all owners.")] = False,
    page: Annotated[str | None, Option(metavar="TOKEN", help="Token printed at the end of the previous page.")] = None,
    as_json: AsJson = False,
    api: Api = "",
    token: Token = "",
) -> None:
    """List your jobs, newest first."""
    with connect(api, token) as client:
        found = client.jobs(state=state, page_token=page, owner="*" if every_owner else owner)
    _print_answer(found, lambda: jobs_view(found, with_owner=every_owner), as_json=as_json)


@app.command("models")
def list_models(*, as_json: AsJson = False, api: Api = "", token: Token = "") -> None:
    """List the models: life cycle, lengths, sizes, sound, today's price of a second, and which are off here."""
    with connect(api, token) as client:
        found = client.models()
    _print_answer(found, lambda: models_view(found), as_json=as_json)


@app.command("styles")
def list_styles(*, as_json: AsJson = False, api: Api = "", token: Token = "") -> None:
    """List the styles and templates that a request may name."""
    with connect(api, token) as client:
        styles, templates = client.styles(), client.templates()
    _print_answer({**styles, **templates}, lambda: styles_view(styles, templates), as_json=as_json)


@app.command()
def cancel(job: JobId, *, api: Api = "", token: Token = "") -> None:
    """Stop a job; what is made and paid already is kept."""
    with connect(api, token) as client:
        print(client.cancel(job)["state"])


@app.command()
def approve(
    job: JobId,
    *,
    gate: Annotated[
        str | None, Option(metavar="STAGE", help="The gate that was looked at; default: where the job waits now.")
    ] = None,
    stop_after: StopAfter = None,
    watch: Watch = False,
    as_json: AsJson = False,
    api: Api = "",
    token: Token = "",
) -> None:
    """Let a job that waits at a gate go on; `promptreel status JOB` shows what to look at."""
    with connect(api, token) as client:
        waits_at = client.job(job).get("gate")
        seen: dict[str, Any] = {"gate": gate or (waits_at["stage"] if waits_at else None), "stop_after": stop_after}
        if waits_at and seen["gate"] == waits_at["stage"]:
            seen["revision"] = waits_at.get("revision")
        approved = client.approve(job, {name: value for name, value in seen.items() if value is not None})
        if watch:
            _watch(client, job, as_json=as_json)
        else:
            print(approved["state"])


@app.command()
def edit(
    job: JobId,
    *,
    scene: Annotated[str | None, Option(metavar="ID", help="The scene that the next options change.")] = None,
    description: Annotated[str | None, Option(metavar="TEXT", help="What happens in it.")] = None,
    first: Annotated[str | None, Option(metavar="TEXT", help="The film's first picture.")] = None,
    last: Annotated[str | None, Option(metavar="TEXT", help="Its last picture.")] = None,
    motion: Annotated[str | None, Option(metavar="TEXT", help="Movement, camera and sound in it.")] = None,
    note: Annotated[str | None, Option(metavar="TEXT", help="How it leads into the next scene.")] = None,
    duration: Annotated[float | None, Option(metavar="SECONDS", help="Its length.")] = None,
    character: Annotated[
        list[str] | None, Option(metavar="NAME=TEXT", help="The looks of a character; more than once for several.")
    ] = None,
    clothing: Annotated[list[str] | None, Option(metavar="NAME=TEXT", help="What a character wears.")] = None,
    setting: Annotated[list[str] | None, Option(metavar="NAME=TEXT", help="The looks of a place.")] = None,
    prop: Annotated[list[str] | None, Option(metavar="NAME=TEXT", help="The looks of a thing.")] = None,
    order: Annotated[str | None, Option(metavar="ID,ID,...", help="Every scene, in the order of the film.")] = None,
    revision: Annotated[
        int | None, Option(metavar="N", help="Refuse the edit if the plan has another revision; default: the latest.")
    ] = None,
    budget: Budget = None,
    as_json: AsJson = False,
    api: Api = "",
    token: Token = "",
) -> None:
    """Change the plan of a job that waits before its clips; prints what is redone, and what that costs at most."""
    texts = {"description": description, "start_prompt": first, "end_prompt": last, "motion_prompt": motion}
    scene_fields = {**texts, "transition_note": note, "duration_s": duration}
    looks = {"characters": character, "clothing": clothing, "settings": setting, "props": prop}
    options = {**looks, "order": order, "budget_usd": budget}
    with connect(api, token) as client:
        seen = revision or read_revision(client.job(job))
        edited = client.edit_plan(job, {**build_edit(scene, scene_fields, options), "revision": seen})
    _print_answer(edited, lambda: Group(*edited_lines(edited)), as_json=as_json)


@app.command()
def resume(
    job: JobId,
    *,
    budget: Budget = None,
    watch: Watch = False,
    as_json: AsJson = False,
    api: Api = "",
    token: Token = "",
) -> None:
    """Continue a failed or cancelled job; what is paid already is not paid twice."""
    with connect(api, token) as client:
        resumed = client.resume(job, None if budget is None else str(budget))
        if watch:
            _watch(client, job, as_json=as_json)
        else:
            print(resumed["state"])


@app.command()
def ledger(job: JobId, *, as_json: AsJson = False, api: Api = "", token: Token = "") -> None:
    """Show every paid call of a job and what it cost."""
    with connect(api, token) as client:
        found = client.ledger(job)
    _print_answer(found, lambda: ledger_view(found), as_json=as_json)


@app.command()
def logs(job: JobId, *, as_json: AsJson = False, api: Api = "", token: Token = "") -> None:
    """Show a job's events, oldest first: stages, paid calls with their cost, refusals and remedies."""
    with connect(api, token) as client:
        events = client.events(job)
    if as_json:
        _print_json(events)
    else:
        print(*event_lines(events), sep="\n")


@app.command()
def reconcile(
    jobs: Annotated[list[str], Argument(metavar="JOB...", help="Ids of jobs.")],
    *,
    bill: Annotated[
        Path,
        Option(
            metavar="FILE",
            help="Billing export as CSV: at, model, micros (or usd), storage_uri, operation.",
        ),
    ],
    since: Annotated[
        str | None, Option(metavar="TIME", help="Start of the period that the export covers; default: its first line.")
    ] = None,
    until: Annotated[
        str | None, Option(metavar="TIME", help="End of the period that the export covers; default: its last line.")
    ] = None,
    apply: Annotated[bool, Option("--apply", help="Stop counting lost calls that were never billed.")] = False,
    as_json: AsJson = False,
    api: Api = "",
    token: Token = "",
) -> None:
    """Compare ledgers with a billing export; exit code 1 when something does not agree."""
    rows = read_bill(bill)
    terms = {"since": since or rows[0]["at"], "until": until or rows[-1]["at"], "apply": apply}
    with connect(api, token) as client:
        found = {job: client.reconcile(job, {**terms, "rows": select_rows(rows, job)}) for job in jobs}
    if as_json:
        _print_json(found)
    else:
        for job, reconciliation in found.items():
            Console().print(Text(job, style="bold"), reconciliation_view(reconciliation))
    if not all(map(agrees, found.values())):
        raise Exit(ExitCode.FAILED)


@app.command()
def delete(
    job: JobId,
    *,
    yes: Annotated[bool, Option("--yes", "-y", help="Delete without asking.")] = False,
    api: Api = "",
    token: Token = "",
) -> None:
    """Delete a job and everything it made, permanently; a running job is stopped first."""
    with connect(api, token) as client:
        if not yes:
            typer.confirm(f"Delete {job} with its film, clips and ledger?", abort=True, err=True)
        print(client.delete(job))


@app.command()
def download(
    job: JobId,
    directory: Annotated[Path, Argument(metavar="DIR", help="Where to save the files.")] = Path(),
    *,
    everything: Annotated[
        bool, Option("--all", help="Also the preview, the contact sheet, and keyframes and clips of the scenes.")
    ] = False,
    api: Api = "",
    token: Token = "",
) -> None:
    """Save a finished film and its poster; a download that was cut off goes on where it was."""
    with connect(api, token) as client:
        for path in client.download_output(job, directory, everything=everything):
            print(path)


@app.command()
def export(
    job: JobId,
    file: Annotated[
        Path | None, Argument(metavar="FILE", help="Where to save the archive; default: JOB.zip here.")
    ] = None,
    *,
    api: Api = "",
    token: Token = "",
) -> None:
    """Save a job, its plan, ledger and every file, with a manifest, as one ZIP archive."""
    with connect(api, token) as client:
        print(client.export(job, file or Path(f"{job}.zip")))


@app.command("open")
def open_film(job: JobId, *, api: Api = "", token: Token = "") -> None:
    """Show a finished film, or a waiting job's animatic, in the browser; without a terminal only print its address."""
    with connect(api, token) as client:
        found = client.job(job)
    url = film_address(found)
    print(url)
    if sys.stdout.isatty() and not webbrowser.open(url):
        _print_note(Text("There is no browser here: copy the address.", style="dim"))


@app.command("webhooks")
def manage_webhooks(
    *,
    add: Annotated[str, Option("--add", metavar="URL", help="Register an https address.")] = "",
    event: Annotated[list[str] | None, Option(help="With --add: only this event; repeat it for more.")] = None,
    remove: Annotated[str, Option("--remove", metavar="WEBHOOK", help="Remove a webhook.")] = "",
    test: Annotated[str, Option("--test", metavar="WEBHOOK", help="Send one test event now.")] = "",
    rotate: Annotated[bool, Option("--rotate", help="Make a new signing secret.")] = False,
    log: Annotated[str, Option("--log", metavar="JOB", help="Show the deliveries of a job.")] = "",
    as_json: AsJson = False,
    api: Api = "",
    token: Token = "",
) -> None:
    """List your webhooks, or do one thing with them; exit code 1 when a test event was not delivered."""
    if sum(map(bool, (add, remove, test, rotate, log))) > 1 or (event and not add):
        raise InvalidInput("webhooks: do one thing at a time; --event goes with --add.")
    with connect(api, token) as client:
        if add:
            registered = client.register_webhook(add, event or ())
            secret = f"\n{registered['secret']}" if registered["secret"] else ""
            _print_answer(registered, lambda: Text(registered["id"] + secret, overflow="ignore"), as_json=as_json)
        elif remove:
            client.delete_webhook(remove)
        elif test:
            tested = client.test_webhook(test)
            outcome = f"the receiver answered {tested['status']}" if tested["status"] else tested["problem"] or ""
            _print_answer(tested, lambda: Text(outcome), as_json=as_json)
            if not tested["delivered"]:
                raise Exit(ExitCode.FAILED)
        elif rotate:
            rotated = client.rotate_webhook_secret()
            _print_answer(rotated, lambda: Text(rotated["secret"], overflow="ignore"), as_json=as_json)
            _print_note(Text(f"The secret before signs as well until {rotated['previous_until']}.", style="dim"))
        elif log:
            deliveries = client.deliveries(log)
            _print_answer(deliveries, lambda: deliveries_view(deliveries), as_json=as_json)
        else:
            found = client.webhooks()
            _print_answer(found, lambda: webhooks_view(found), as_json=as_json)


@app.command()
def config(
    name: Annotated[
        str, Argument(metavar="NAME", help="api or token_command.", autocompletion=lambda: list(NAMES))
    ] = "",
    value: Annotated[str, Argument(metavar="VALUE", help="The value to store.")] = "",
    *,
    unset: Annotated[bool, Option("--unset", help="Remove the setting from the file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the settings and where each comes from, or store one in your own file."""
    if name == "api" and value:
        parse_address(value)
    if unset or value:
        store_setting(name, None if unset else value)
    elif name:
        check_name(name)
    settings = {one: find_setting(one) for one in NAMES}
    answer = {"file": str(settings_file()), **{one: asdict(found) for one, found in settings.items()}}
    _print_answer(answer, lambda: settings_view(settings, settings_file()), as_json=as_json)


@app.command()
def doctor(*, as_json: AsJson = False, api: Api = "", token: Token = "") -> None:
    """Say what is missing on this machine or in the deployment, and how to get it; exit code 1 when something is."""
    from client.doctor import examine, findings_view  # noqa: PLC0415 - it loads the fonts' library

    findings = list(examine(api, token))
    _print_answer([one.to_json() for one in findings], lambda: findings_view(findings), as_json=as_json)
    if any(one.state == "missing" for one in findings):
        raise Exit(ExitCode.FAILED)


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command. Raises: SystemExit with its exit code."""
    try:
        app(args=None if argv is None else list(argv), prog_name="promptreel")
    except ClientError as error:
        print_error(error)
        sys.exit(outcome_of_error(error))
    except OSError as error:  # such as a full disk
        print_error(ClientError(f"{error}."))
        sys.exit(ExitCode.REFUSED)
    except Exception as error:  # a person gets a sentence; the traceback is for who reports the defect
        if os.environ.get(DEBUG):
            raise
        remedy = (
            f"Please report it with what {DEBUG}=1 prints. A newer API than this client can be the cause: update it."
        )
        print_error(ClientError(f"This is a defect of promptreel: {type(error).__name__}: {error}.", remedy))
        sys.exit(ExitCode.UNEXPECTED)


def print_error(error: ClientError) -> None:
    """Print to stderr what failed and what to do."""
    _print_note(Text.assemble(("Error    ", "bold red"), error.message))
    if error.remedy:
        _print_note(Text.assemble(("Fix      ", "bold"), error.remedy))
    if isinstance(error, ProblemError):
        trace = f", trace {error.trace}" if error.trace else ""
        _print_note(Text(f"         {error.code}{trace}", style="dim"))


def _check_page_options(html: Path | None, pdf: Path | None, *, as_json: bool) -> None:
    """Refuse two forms at once, and a file that has no folder, before a storyboard is paid. Raises: InvalidInput."""
    given = {"--html": html, "--pdf": pdf, "--json": as_json or None}
    named = [option for option, value in given.items() if value is not None]
    if len(named) > 1:
        remedy = f"Give one of them; promptreel plan JOB {named[1]} writes the other from the same storyboard."
        raise InvalidInput(f"{' and '.join(named)} cannot be given together.", remedy)
    for option, file in (("--html", html), ("--pdf", pdf)):
        if file is not None and (file.is_dir() or not file.parent.is_dir()):
            raise InvalidInput(f"{option} {file} cannot be written.", "Name a file in a folder that exists.")


def _write_pdf(job: Job, file: Path) -> None:
    """Write the page, and warn of characters that no font of this machine has."""
    from client.fonts import list_fonts  # noqa: PLC0415 - the PDF library takes a second to load
    from client.plan_pdf import describe_missing, pdf_page  # noqa: PLC0415

    page = pdf_page(job, list_fonts())
    file.write_bytes(page.content)
    if page.missing:
        _print_note(Text(f"Warning  {describe_missing(page.missing)}", style="yellow"))


def _confirm_estimate(found: EstimatedRequest) -> None:
    """Show what the film will cost, and ask. Raises: Exit when the answer is no."""
    Console(stderr=True).print(estimate_view(found))
    if not typer.confirm("Make this film?", err=True):
        _print_note(Text("Nothing was submitted."))
        raise Exit(ExitCode.REFUSED)


def _submit(send: Callable[[str], SubmittedJob], given_key: str) -> SubmittedJob:
    """Send a request with the given key, or with a new one.

    Raises: ClientError; if the API may have accepted the request, its remedy is to repeat it with the same key.
    """
    key = given_key or str(uuid4())
    # Printed before the request is sent: the caller needs the key when the answer is lost.
    _print_note(Text(f"Idempotency-Key: {key}", style="dim"))
    repeat = f"The API may have accepted the film: repeat the command with --idempotency-key {key}."
    try:
        return send(key)
    except (NotReachable, ProblemError) as error:
        if isinstance(error, NotReachable) or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            error.remedy = f"{repeat} {error.remedy}".strip()
        raise
    except KeyboardInterrupt:
        _print_note(Text(repeat))
        raise Exit(ExitCode.INTERRUPTED) from None


def _print_notes(job: SubmittedJob) -> None:
    for note in (*request_notes(job), *estimate_lines(job.get("estimate"))):
        _print_note(note)


def _print_submitted(client: PromptreelClient, job: SubmittedJob, *, watch: bool, as_json: bool) -> None:
    if watch:
        _watch(client, job["id"], as_json=as_json)
    elif as_json:
        _print_json(job)
    else:
        print(job["id"])  # the only line on stdout, for scripts
        if sys.stderr.isatty():
            _print_note(Text(f"Watch it: promptreel watch {job['id']}", style="dim"))


def _watch(client: PromptreelClient, job_id: str, *, as_json: bool) -> None:
    # With --json the table goes to stderr: stdout is for the program that reads it.
    console = Console(stderr=as_json)
    with _leave_running(f"promptreel watch {job_id}"):
        job = show(follow(client, job_id), console)
    if as_json:
        _print_json(job)
    else:
        _print_film_url(job)
        _print_animatic_url(job)
    if outcome := outcome_of_job(job):
        raise Exit(outcome)


@contextmanager
def _leave_running(way_back: str) -> Iterator[None]:
    """Say how to come back when the watching ends before the job: by Ctrl-C, or because the API refuses or is away.

    Raises: Exit for Ctrl-C, and every ClientError again.
    """
    goes_on = Text(f"The job continues. Watch it: {way_back}")
    try:
        yield
    except KeyboardInterrupt:
        _print_note(goes_on)
        raise Exit(ExitCode.INTERRUPTED) from None
    except ClientError as error:
        if not (isinstance(error, ProblemError) and error.status == HTTPStatus.NOT_FOUND):
            _print_note(goes_on)
        raise


def _print_answer(answer: Any, view: Callable[[], RenderableType], *, as_json: bool) -> None:
    if as_json:
        _print_json(answer)
    else:
        Console().print(view())


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _print_film_url(job: Job) -> None:
    """Print the film's signed URL on one line, however narrow the terminal, so that it can be copied."""
    if job["output"] is not None:
        print(job["output"]["film"]["url"])


def _print_animatic_url(job: Job) -> None:
    """Print the animatic's signed URL on one line where the job waits with it."""
    animatic = job.get("animatic")
    if job["state"] == WAITING and animatic:
        print(animatic["url"])


def _print_note(text: Text) -> None:
    Console(stderr=True).print(text, soft_wrap=True)


if __name__ == "__main__":
    main()
