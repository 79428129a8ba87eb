"""The commands of `promptreel`: options in, one call of the client, a picture out. No rule may live here.

Exit codes: 0 it worked, 1 the job did not end COMPLETE or the bill differs, 2 wrong usage or refused, 3 the API could
not be reached.
"""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final
from uuid import uuid4

import typer
from rich.console import Console
from rich.text import Text

from client import options as opt
from client.api import PromptreelClient
from client.bill import agrees, read_bill
from client.downloads import download_output
from client.journal import journal
from client.printing import explain, print_address, print_json, say
from client.problems import ClientError, NotReachable, ProblemError
from client.settings import connect
from client.shapes import FilmRequest, Submitted
from client.show import show
from client.view import job_view, jobs_view, ledger_view, notes, reconciled_view
from client.watching import follow
from client.wish import film_request

JOB_FAILED: Final = 1
BILL_DIFFERS: Final = 1
INTERRUPTED: Final = 130  # 128 + SIGINT, as shells have it

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"promptreel {version('promptreel')}")
        raise typer.Exit


@app.callback(help="Turn a written idea into a finished film, and watch it being made.")
def _root(
    *,
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


@app.command()
def submit(
    prompt: opt.Prompt = "",
    *,
    file: opt.File = None,
    title: opt.Title = None,
    duration: opt.Duration = None,
    scenes: opt.Scenes = None,
    aspect: opt.Aspect = None,
    resolution: opt.Resolution = None,
    quality: opt.Quality = None,
    style: opt.Style = None,
    budget: opt.Budget = None,
    seed: opt.Seed = None,
    transition: opt.Transition = None,
    transition_duration: opt.TransitionLength = None,
    clip_audio: opt.ClipAudio = None,
    text_model: opt.TextModel = None,
    image_model: opt.ImageModel = None,
    video_model: opt.VideoModel = None,
    continuity: opt.Continuity = None,
    approval: opt.Approval = None,
    on_scene_failure: opt.OnSceneFailure = None,
    priority: opt.Priority = None,
    idempotency_key: opt.IdempotencyKey = "",
    watch: opt.Watch = False,
    as_json: opt.AsJson = False,
    api: opt.Api = "",
    token: opt.Token = "",
) -> None:
    """Ask for a film."""
    request = film_request(
        prompt,
        file,
        sys.stdin,
        {
            "title": title,
            "duration_s": duration,
            "scenes": scenes,
            "aspect": aspect,
            "resolution": resolution,
            "quality": quality,
            "style": style,
            "budget_usd": budget,
            "seed": seed,
            "transition": {"kind": transition, "duration_s": transition_duration},
            "clip_audio": clip_audio,
            "models": {"text": text_model, "image": image_model, "video": video_model},
            "continuity": continuity,
            "approval": approval,
            "on_scene_failure": on_scene_failure,
            "priority": priority,
        },
    )
    key = idempotency_key or str(uuid4())
    with connect(api, token) as client:
        say(Text(f"Idempotency-Key: {key}", style="dim"))  # before it is sent: a lost answer must not hide it
        answer = _submit_once(client, request, key)
        for line in notes(answer):
            say(line)
        if watch:
            _watch(client, answer["id"], as_json=as_json)
        elif as_json:
            print_json(answer)
        else:
            print(answer["id"])  # alone on stdout, so that a script can keep it
            say(Text(f"Watch it: promptreel watch {answer['id']}", style="dim"))


@app.command("watch")
def watch_job(job: opt.JobId, *, as_json: opt.AsJson = False, api: opt.Api = "", token: opt.Token = "") -> None:
    """Watch a film being made, until it ends."""
    with connect(api, token) as client:
        _watch(client, job, as_json=as_json)


@app.command()
def status(job: opt.JobId, *, as_json: opt.AsJson = False, api: opt.Api = "", token: opt.Token = "") -> None:
    """Show where a job stands."""
    with connect(api, token) as client:
        found = client.job(job)
    if as_json:
        print_json(found)
    else:
        Console().print(job_view(found, datetime.now(UTC)))
        print_address(found)


@app.command("list")
def list_jobs(
    *,
    state: opt.State = None,
    owner: opt.Owner = None,
    everybody: opt.Everybody = False,
    page: opt.PageToken = None,
    as_json: opt.AsJson = False,
    api: opt.Api = "",
    token: opt.Token = "",
) -> None:
    """List your jobs, newest first."""
    with connect(api, token) as client:
        found = client.jobs(state=state, page_token=page, owner="*" if everybody else owner)
    if as_json:
        print_json(found)
    else:
        Console().print(jobs_view(found, with_owner=everybody))


@app.command()
def cancel(job: opt.JobId, *, api: opt.Api = "", token: opt.Token = "") -> None:
    """Stop a job; what is made and paid already is kept."""
    with connect(api, token) as client:
        print(client.cancel(job)["state"])


@app.command()
def resume(
    job: opt.JobId,
    *,
    budget: opt.Budget = None,
    watch: opt.Watch = False,
    as_json: opt.AsJson = False,
    api: opt.Api = "",
    token: opt.Token = "",
) -> None:
    """Go on with a failed or cancelled job; nothing that is paid is paid again."""
    with connect(api, token) as client:
        answer = client.resume(job, None if budget is None else str(budget))
        if watch:
            _watch(client, job, as_json=as_json)
        else:
            print(answer["state"])


@app.command()
def ledger(job: opt.JobId, *, as_json: opt.AsJson = False, api: opt.Api = "", token: opt.Token = "") -> None:
    """Show every paid call of a job and what it cost."""
    with connect(api, token) as client:
        found = client.ledger(job)
    if as_json:
        print_json(found)
    else:
        Console().print(ledger_view(found))


@app.command()
def logs(job: opt.JobId, *, as_json: opt.AsJson = False, api: opt.Api = "", token: opt.Token = "") -> None:
    """Tell what happened to a job: stages, paid calls with their cost, refusals and remedies, in order of time."""
    with connect(api, token) as client:
        events = client.events(job)
    if as_json:
        print_json(events)
    else:
        print(*journal(events), sep="\n")


@app.command()
def reconcile(
    jobs: opt.Jobs,
    *,
    bill: opt.BillFile,
    since: opt.Since = None,
    until: opt.Until = None,
    apply: opt.Apply = False,
    as_json: opt.AsJson = False,
    api: opt.Api = "",
    token: opt.Token = "",
) -> None:
    """Compare ledgers with a billing export; exit code 1 when something does not agree."""
    export = read_bill(bill)
    with connect(api, token) as client:
        found = {job: client.reconcile(job, {**export.about(job, since, until), "apply": apply}) for job in jobs}
    if as_json:
        print_json(found)
    else:
        for job, reconciled in found.items():
            Console().print(Text(job, style="bold"), reconciled_view(reconciled))
    if not all(map(agrees, found.values())):
        raise typer.Exit(BILL_DIFFERS)


@app.command()
def delete(job: opt.JobId, *, yes: opt.Yes = False, api: opt.Api = "", token: opt.Token = "") -> None:
    """Delete a job and everything it made, for good; a running one is stopped first."""
    with connect(api, token) as client:
        if not yes:
            typer.confirm(f"Delete {job} with its film, clips and ledger?", abort=True, err=True)
        print(client.delete(job))


@app.command()
def download(job: opt.JobId, directory: opt.Directory = Path(), *, api: opt.Api = "", token: opt.Token = "") -> None:
    """Save a finished film and its poster."""
    with connect(api, token) as client:
        for path in download_output(client, job, directory):
            print(path)


def _submit_once(client: PromptreelClient, request: FilmRequest, key: str) -> Submitted:
    """Raises: ClientError; when the API may have accepted the film, its remedy is the same key again."""
    try:
        return client.submit(request, key)
    except (NotReachable, ProblemError) as error:
        if isinstance(error, NotReachable) or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            again = f"The film may have been accepted all the same: repeat the command with --idempotency-key {key}."
            error.remedy = f"{again} {error.remedy}".strip()
        raise


def _watch(client: PromptreelClient, job_id: str, *, as_json: bool) -> None:
    # With --json the picture goes to stderr: stdout is for the program that reads it.
    console = Console(stderr=as_json)
    try:
        job = show(follow(client, job_id), console)
    except KeyboardInterrupt:
        say(Text(f"The job goes on. Watch it again: promptreel watch {job_id}"))
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json(job)
    else:
        print_address(job)
    if job["state"] != "COMPLETE":
        raise typer.Exit(JOB_FAILED)


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command. Raises: SystemExit with its exit code."""
    try:
        app(args=None if argv is None else list(argv), prog_name="promptreel")
    except ClientError as error:
        sys.exit(explain(error))


if __name__ == "__main__":
    main()
