"""The API's endpoints as methods: answers are plain dicts, refusals `ProblemError`. Blocking, or for asyncio.

with PromptreelClient("https://api-….run.app", token) as client:
job = client.submit({"prompt": "A lighthouse at dawn"}, idempotency_key="my-key")

async with AsyncPromptreelClient("https://api-….run.app", token) as client:
jobs = await asyncio.gather(*(client.job(job_id) for job_id in job_ids))
"""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import Any, cast
from urllib.parse import quote, urlsplit
from uuid import uuid4

from client.configuration import API, TOKEN, find_setting
from client.documents import (
    FINAL,
    WAITING,
    DeliveryList,
    EditedPlan,
    EstimatedRequest,
    Event,
    FilmRequest,
    Job,
    JobPage,
    JobSummary,
    Ledger,
    Link,
    ModelList,
    Reconciliation,
    RegisteredWebhook,
    RotatedSecret,
    StyleList,
    SubmittedJob,
    TemplateList,
    WebhookList,
    WebhookTest,
)
from client.downloads import save
from client.errors import ClientError, InvalidInput, ProblemError
from client.tokens import token_source
from client.transport import Asyncio, Blocking, Flow, Renew, Session, method
from client.uploads import RESUMABLE_BYTES, send_once, send_rest, start_session
from client.web_address import parse_address


class _Methods(Session):
    """What both clients can do.

    Every method raises ProblemError when the API refuses, and NotReachable when it does not answer.
    """

    @method
    def models(self) -> Flow[ModelList]:
        """Return every model with its limits, today's prices, and why a request may not name it here."""
        return cast(ModelList, (yield from self.call("GET", "/v1/models")))

    @method
    def styles(self) -> Flow[StyleList]:
        """Return every style with its craft and the names that may be typed for it."""
        return cast(StyleList, (yield from self.call("GET", "/v1/styles")))

    @method
    def templates(self) -> Flow[TemplateList]:
        """Return every template: a kind of film with its beats."""
        return cast(TemplateList, (yield from self.call("GET", "/v1/templates")))

    @method
    def estimate(self, request: FilmRequest) -> Flow[EstimatedRequest]:
        """Return what the film of a request would cost and how long it would take; nothing is stored."""
        return cast(EstimatedRequest, (yield from self.call("POST", "/v1/estimate", request)))

    @method
    def upload_picture(self, content: bytes, content_type: str, sha256: str) -> Flow[str]:
        """Upload a picture and return the address by which a request names it. Idempotent by its digest.

        The link that the API gives grants the right to write, so the caller's token is not sent with it. A large
        picture goes on where it was cut off.
        """
        is_large = len(content) >= RESUMABLE_BYTES
        wanted = {"content_type": content_type, "sha256": sha256, **({"resumable": True} if is_large else {})}
        offered = yield from self.call("POST", "/v1/uploads", wanted)
        if is_large:
            session = yield from self.retry(lambda: start_session(offered))
            if session is not None:
                yield from self.retry(lambda: send_rest(session, content))
        else:
            yield from self.retry(lambda: send_once(offered, content))
        return str(offered["uri"])

    @method
    def submit(self, request: FilmRequest, idempotency_key: str) -> Flow[SubmittedJob]:
        """Submit a film request. Idempotent: the same key and request return the same job."""
        return cast(SubmittedJob, (yield from self.call("POST", "/v1/jobs", request, key=idempotency_key)))

    @method
    def job(self, job_id: str) -> Flow[Job]:
        """Return the job with its scenes."""
        return cast(Job, (yield from self.call("GET", _path(job_id))))

    @method
    def job_if_changed(self, job_id: str, seen: str | None, *, wait_s: int = 0) -> Flow[tuple[Job | None, str | None]]:
        """Return the job, and a tag to pass as `seen` the next time; None for the job when it is as it was then.

        The API answers when the job changes, or after `wait_s` seconds, at most 25.
        """
        query = {"wait": wait_s} if wait_s else {}
        job, tag = yield from self.call_if_changed(_path(job_id), query, seen)
        return cast(Job | None, job), tag

    @method
    def jobs(
        self, *, state: str | None = None, page_token: str | None = None, owner: str | None = None
    ) -> Flow[JobPage]:
        """Return one page of the caller's jobs, newest first; pass its `next_page_token` for the next page.

        `owner` is for operators: another owner, or `*` for the jobs of all owners.
        """
        filters = {"state": state, "page_token": page_token, "owner": owner}
        query = {name: value for name, value in filters.items() if value}
        return cast(JobPage, (yield from self.call("GET", "/v1/jobs", query=query)))

    @method
    def cancel(self, job_id: str) -> Flow[JobSummary]:
        """Stop a job."""
        return cast(JobSummary, (yield from self.call("POST", f"{_path(job_id)}:cancel", {}, key=str(uuid4()))))

    @method
    def edit_plan(self, job_id: str, edit: Mapping[str, Any]) -> Flow[EditedPlan]:
        """Change the plan of a job that waits before its clips; `revision` is that of the plan that was looked at."""
        return cast(EditedPlan, (yield from self.call("PATCH", f"{_path(job_id)}/plan", edit, key=str(uuid4()))))

    @method
    def approve(self, job_id: str, approval: Mapping[str, Any]) -> Flow[JobSummary]:
        """Let a job pass the gate that was looked at. Idempotent: a job that has passed it goes on as it is.

        `gate` and `revision` are what was looked at, `stop_after` the stage after which it stops next.
        """
        return cast(JobSummary, (yield from self.call("POST", f"{_path(job_id)}:approve", approval, key=str(uuid4()))))

    @method
    def resume(self, job_id: str, budget_usd: str | None = None) -> Flow[JobSummary]:
        """Continue a failed or cancelled job; `budget_usd` is its new limit."""
        body = {} if budget_usd is None else {"budget_usd": budget_usd}
        return cast(JobSummary, (yield from self.call("POST", f"{_path(job_id)}:resume", body, key=str(uuid4()))))

    @method
    def upgrade(self, job_id: str, request: FilmRequest, idempotency_key: str) -> Flow[SubmittedJob]:
        """Make a finished film again by a better model. Idempotent: the same key and request return the same job."""
        return cast(
            SubmittedJob, (yield from self.call("POST", f"{_path(job_id)}:upgrade", request, key=idempotency_key))
        )

    @method
    def ledger(self, job_id: str) -> Flow[Ledger]:
        """Return every paid call of the job, and the totals."""
        return cast(Ledger, (yield from self.call("GET", f"{_path(job_id)}/ledger")))

    @method
    def events(self, job_id: str) -> Flow[list[Event]]:
        """Return what happened to the job so far, oldest first."""
        return cast(list[Event], (yield from self.call("GET", f"{_path(job_id)}/events"))["events"])

    @method
    def reconcile(self, job_id: str, bill: Mapping[str, Any]) -> Flow[Reconciliation]:
        """Compare the job's ledger with a billing export; `apply` releases calls that were never billed.

        Idempotent: a call that is released stays released.
        """
        return cast(
            Reconciliation, (yield from self.call("POST", f"{_path(job_id)}/ledger:reconcile", bill, key=str(uuid4())))
        )

    @method
    def delete(self, job_id: str) -> Flow[str]:
        """Delete the job and all it owns; returns DELETING until everything is deleted, then DELETED."""
        answer = yield from self.call("DELETE", _path(job_id))
        return str(answer["state"]) if answer else "DELETED"

    @method
    def webhooks(self) -> Flow[WebhookList]:
        """Return the caller's webhooks."""
        return cast(WebhookList, (yield from self.call("GET", "/v1/webhooks")))

    @method
    def register_webhook(self, url: str, events: Sequence[str] = ()) -> Flow[RegisteredWebhook]:
        """Register an address for these events, or for all; the caller's first webhook comes with the secret."""
        body = {"url": url, **({"events": list(events)} if events else {})}
        return cast(RegisteredWebhook, (yield from self.call("POST", "/v1/webhooks", body, key=str(uuid4()))))

    @method
    def delete_webhook(self, webhook_id: str) -> Flow[None]:
        """Remove a webhook."""
        yield from self.call("DELETE", f"/v1/webhooks/{quote(webhook_id, safe='')}")

    @method
    def test_webhook(self, webhook_id: str) -> Flow[WebhookTest]:
        """Send one test event now, and return how the receiver answered."""
        path = f"/v1/webhooks/{quote(webhook_id, safe='')}:test"
        return cast(WebhookTest, (yield from self.call("POST", path, {}, key=str(uuid4()))))

    @method
    def rotate_webhook_secret(self) -> Flow[RotatedSecret]:
        """Make a new signing secret; for a day the one before signs as well."""
        return cast(RotatedSecret, (yield from self.call("POST", "/v1/webhooks:rotate", {}, key=str(uuid4()))))

    @method
    def deliveries(self, job_id: str) -> Flow[DeliveryList]:
        """Return the delivery log of a job: every event for webhooks, and every attempt."""
        return cast(DeliveryList, (yield from self.call("GET", f"{_path(job_id)}/deliveries")))

    @method
    def download(self, url: str, path: Path) -> Flow[Path]:
        """Save the file behind a signed URL; `path` appears only when the file is complete and its checksum agrees.

        What a cut-off download left is completed. The URL itself grants the right to read, so the caller's token is not
        sent to the server behind it.
        """
        address = str(parse_address(url))
        return (yield from self.retry(lambda: save(address, path)))

    @method
    def export(self, job_id: str, path: Path) -> Flow[Path]:
        """Save the job and all its files as one ZIP archive; `path` appears only when the archive is complete.

        An archive that is cut off is read from its beginning: it is written anew for each reader.
        """

        def read() -> Flow[Path]:
            return (yield from save(f"{_path(job_id)}/archive", path, {"Authorization": f"Bearer {self._token}"}))

        def read_with_valid_token() -> Flow[Path]:
            try:
                return (yield from read())
            except ProblemError as problem:
                if problem.status != HTTPStatus.UNAUTHORIZED or self._renew is None:
                    raise
                self._token = yield Renew(self._renew)
                return (yield from read())

        return (yield from self.retry(read_with_valid_token))

    @method
    def download_output(self, job_id: str, directory: Path, *, everything: bool = False) -> Flow[list[Path]]:
        """Save the job's film and poster in a directory; with `everything` all that the job made and still has.

        Raises: ClientError while there is no film.
        """
        job: Job = yield from self.call("GET", _path(job_id))
        film_address(job, film_only=True)
        saved = []
        for name, link in _files(job, everything=everything).items():
            if link is not None:
                address = str(parse_address(link["url"]))
                saved.append((yield from self.retry(partial(save, address, directory / name))))
        return saved


class PromptreelClient(_Methods, Blocking):
    """A client of one API for one caller. Close it, or use it in a ``with``.

    ``renew`` returns a new token; it is called once for each request that is answered 401, as after the hour that an
    ID token is valid.
    """


class AsyncPromptreelClient(_Methods, Asyncio):
    """The same client for asyncio: every method returns an awaitable. Close it, or use it in an ``async with``."""


def connect(api: str = "", token: str = "") -> PromptreelClient:
    """Return a client for these settings; what is not given comes from the environment or the user's own file.

    An expired token is renewed where `client.tokens` finds how.

    Raises: InvalidInput that names a missing setting, and how to get it.
    """
    address = find_setting("api", api).value
    if address is None:
        raise InvalidInput(
            f"{API} is not set.",
            remedy="On your own machine `python -m localcloud up` prints it as an export line. For a deployed API: "
            "promptreel config api https://ADDRESS. --api does the same for one command.",
        )
    given, command = token.strip() or os.environ.get(TOKEN, "").strip(), find_setting("token_command").value
    source = token_source(parse_address(address), given, command)
    return PromptreelClient(address, given or source.get(), renew=source.get if source.is_renewable else None)


def _path(job_id: str) -> str:
    return f"/v1/jobs/{quote(job_id, safe='')}"


def film_address(job: Job, *, film_only: bool = False) -> str:
    """The signed address of the film, or of the animatic of a job that waits with one.

    Raises: ClientError that says why there is none, and what to do.
    """
    if job["output"] is not None:
        return job["output"]["film"]["url"]
    animatic = job.get("animatic")
    if animatic and job["state"] == WAITING and not film_only:
        return animatic["url"]
    way = "See the reason: promptreel status" if job["state"] in FINAL else "Wait for the film: promptreel watch"
    raise ClientError(f"{job['id']} has no film: it is {job['state']}.", remedy=f"{way} {job['id']}")


def _files(job: Job, *, everything: bool) -> dict[str, Link | None]:
    """What there is to save, by file name."""
    output = job["output"]
    if output is None:
        return {}
    files = {"film.mp4": output["film"], "poster.jpg": output["poster"]}
    if everything:
        files |= {"contact_sheet.jpg": output.get("contact_sheet"), "preview.mp4": output.get("preview")}
        files |= {"animatic.mp4": job.get("animatic")}
        for scene in job["scenes"]:
            named = {"start": scene["keyframes"]["start"], "end": scene["keyframes"]["end"], "clip": scene["clip"]}
            files |= {f"{scene['id']}-{part}{_suffix(link)}": link for part, link in named.items()}
    return files


def _suffix(link: Link | None) -> str:
    return PurePosixPath(urlsplit(link["url"]).path).suffix if link else ""
