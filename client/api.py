"""The API's endpoints as methods: one request each, answers as plain dicts, refusals as `ProblemError`."""

import ipaddress
import os
import shlex
import subprocess
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote
from uuid import uuid4

import httpx

from client.documents import (
    FINAL,
    EditedPlan,
    EstimatedRequest,
    Event,
    FilmRequest,
    Job,
    JobPage,
    JobSummary,
    Ledger,
    ModelList,
    Reconciliation,
    StyleList,
    SubmittedJob,
    TemplateList,
)
from client.errors import ClientError, InvalidInput, ProblemError, Retries, read_problem

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
USER_AGENT = "promptreel-client"
TOKEN_COMMAND = "PROMPTREEL_TOKEN_COMMAND"  # noqa: S105 - the name of a setting
TOKEN_COMMAND_TIMEOUT_S = 60


class PromptreelClient(AbstractContextManager["PromptreelClient"]):
    """A client of one API for one caller. Close it, or use it in a ``with``.

    Every method raises ProblemError when the API refuses, and NotReachable when it does not answer. ``renew`` returns a
    new token; it is called once for each request that is answered 401, as after the hour that an ID token is valid.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        retries: Retries | None = None,
        renew: Callable[[], str] | None = None,
    ) -> None:
        """Raises: InvalidInput unless `base_url` is an https address, or http on this machine."""
        base = _parse_address(base_url)
        self._retries = retries or Retries()
        # A proxy that the environment names is not used for addresses on this machine.
        self._http = httpx.Client(
            base_url=base, timeout=TIMEOUT, trust_env=not _is_loopback(base), headers={"User-Agent": USER_AGENT}
        )
        self._token = token
        self._renew = renew

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def models(self) -> ModelList:
        """Return every model with its limits, today's prices, and why a request may not name it here."""
        return cast(ModelList, self._call("GET", "/v1/models"))

    def styles(self) -> StyleList:
        """Return every style with its craft and the names that may be typed for it."""
        return cast(StyleList, self._call("GET", "/v1/styles"))

    def templates(self) -> TemplateList:
        """Return every template: a kind of film with its beats."""
        return cast(TemplateList, self._call("GET", "/v1/templates"))

    def estimate(self, request: FilmRequest) -> EstimatedRequest:
        """Return what the film of a request would cost and how long it would take; nothing is stored."""
        return cast(EstimatedRequest, self._call("POST", "/v1/estimate", request))

    def upload_picture(self, content: bytes, content_type: str, sha256: str) -> str:
        """Upload a picture and return the address by which a request names it. Idempotent by its digest.

        The link that the API gives grants the right to write, so the caller's token is not sent with it.
        """
        offered = self._call("POST", "/v1/uploads", {"content_type": content_type, "sha256": sha256})
        address = _parse_address(offered["url"])

        def send() -> None:
            response = self._http.put(address, content=content, headers=offered["headers"])
            if (
                not response.is_success and response.status_code != HTTPStatus.PRECONDITION_FAILED
            ):  # it is there already
                raise read_problem(response)

        self._retries.run(send)
        return str(offered["uri"])

    def submit(self, request: FilmRequest, idempotency_key: str) -> SubmittedJob:
        """Submit a film request. Idempotent: the same key and request return the same job."""
        return cast(SubmittedJob, self._call("POST", "/v1/jobs", request, key=idempotency_key))

    def job(self, job_id: str) -> Job:
        """Return the job with its scenes."""
        return cast(Job, self._call("GET", _path(job_id)))

    def jobs(self, *, state: str | None = None, page_token: str | None = None, owner: str | None = None) -> JobPage:
        """Return one page of the caller's jobs, newest first; pass its `next_page_token` for the next page.

        `owner` is for operators: another owner, or `*` for the jobs of all owners.
        """
        filters = {"state": state, "page_token": page_token, "owner": owner}
        query = {name: value for name, value in filters.items() if value}
        return cast(JobPage, self._call("GET", "/v1/jobs", query=query))

    def cancel(self, job_id: str) -> JobSummary:
        """Stop a job."""
        return cast(JobSummary, self._call("POST", f"{_path(job_id)}:cancel", {}, key=str(uuid4())))

    def edit_plan(self, job_id: str, edit: Mapping[str, Any]) -> EditedPlan:
        """Change the plan of a job that waits before its clips; `revision` is that of the plan that was looked at."""
        return cast(EditedPlan, self._call("PATCH", f"{_path(job_id)}/plan", edit, key=str(uuid4())))

    def approve(self, job_id: str, approval: Mapping[str, Any]) -> JobSummary:
        """Let a job pass the gate that was looked at. Idempotent: a job that has passed it goes on as it is.

        `gate` and `revision` are what was looked at, `stop_after` the stage after which it stops next.
        """
        return cast(JobSummary, self._call("POST", f"{_path(job_id)}:approve", approval, key=str(uuid4())))

    def resume(self, job_id: str, budget_usd: str | None = None) -> JobSummary:
        """Continue a failed or cancelled job; `budget_usd` is its new limit."""
        body = {} if budget_usd is None else {"budget_usd": budget_usd}
        return cast(JobSummary, self._call("POST", f"{_path(job_id)}:resume", body, key=str(uuid4())))

    def upgrade(self, job_id: str, request: FilmRequest, idempotency_key: str) -> SubmittedJob:
        """Make a finished film again by a better model. Idempotent: the same key and request return the same job."""
        return cast(SubmittedJob, self._call("POST", f"{_path(job_id)}:upgrade", request, key=idempotency_key))

    def ledger(self, job_id: str) -> Ledger:
        """Return every paid call of the job, and the totals."""
        return cast(Ledger, self._call("GET", f"{_path(job_id)}/ledger"))

    def events(self, job_id: str) -> list[Event]:
        """Return what happened to the job so far, oldest first."""
        return cast(list[Event], self._call("GET", f"{_path(job_id)}/events")["events"])

    def reconcile(self, job_id: str, bill: Mapping[str, Any]) -> Reconciliation:
        """Compare the job's ledger with a billing export; `apply` releases calls that were never billed.

        Idempotent: a call that is released stays released.
        """
        return cast(Reconciliation, self._call("POST", f"{_path(job_id)}/ledger:reconcile", bill, key=str(uuid4())))

    def delete(self, job_id: str) -> str:
        """Delete the job and all it owns; returns DELETING until everything is deleted, then DELETED."""
        answer = self._call("DELETE", _path(job_id))
        return str(answer["state"]) if answer else "DELETED"

    def download(self, url: str, path: Path) -> Path:
        """Save the file behind a signed URL; `path` appears only when the file is complete.

        The URL itself grants the right to read, so the caller's token is not sent to the server behind it.
        """
        address = _parse_address(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        try:
            self._retries.run(lambda: self._save(address, part))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return path

    def download_output(self, job_id: str, directory: Path) -> list[Path]:
        """Save the job's film and poster in a directory. Raises: ClientError while there is no film."""
        job = self.job(job_id)
        output = job["output"]
        if output is None:
            way = (
                "See the reason: promptreel status" if job["state"] in FINAL else "Wait for the film: promptreel watch"
            )
            raise ClientError(f"{job_id} has no film: it is {job['state']}.", remedy=f"{way} {job_id}")
        saved = [self.download(output["film"]["url"], directory / "film.mp4")]
        if output["poster"] is not None:
            saved.append(self.download(output["poster"]["url"], directory / "poster.jpg"))
        return saved

    def _save(self, address: httpx.URL, part: Path) -> None:
        with self._http.stream("GET", address) as response, part.open("wb") as file:
            if not response.is_success:
                response.read()
                raise read_problem(response)
            for piece in response.iter_bytes():
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> Any:
        """Send one request, with retries."""

        def send() -> httpx.Response:
            headers = {"Authorization": f"Bearer {self._token}"} | ({} if key is None else {"Idempotency-Key": key})
            return self._http.request(method, path, params=query, json=body, headers=headers)

        return self._retries.run(lambda: self._read_answer(send))

    def _read_answer(self, send: Callable[[], httpx.Response]) -> Any:
        response = send()
        if response.status_code == HTTPStatus.UNAUTHORIZED and self._renew:
            self._token = self._renew()
            response = send()
        if not response.is_success:
            raise read_problem(response)
        if response.status_code == HTTPStatus.NO_CONTENT:
            return None
        try:
            return response.json()
        except ValueError as error:
            raise ProblemError(
                f"{self._http.base_url} does not answer like promptreel's API.",
                "Check the address in PROMPTREEL_API.",
                status=response.status_code,
                code="not_json",
            ) from error


def connect(api: str, token: str) -> PromptreelClient:
    """Return a client for these settings.

    PROMPTREEL_TOKEN_COMMAND prints a token; it runs when no token is given and when a token has expired.

    Raises: InvalidInput that names every missing setting.
    """
    command = os.environ.get(TOKEN_COMMAND, "").strip()
    settings = {"PROMPTREEL_API": api.strip(), "PROMPTREEL_TOKEN": token.strip() or command}
    missing = [name for name, value in settings.items() if not value]
    if missing:
        raise InvalidInput(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set.",
            remedy="On your own machine `python -m localcloud up` prints both as export lines. For a deployed API use "
            f"its https address, and {TOKEN_COMMAND}='gcloud auth print-identity-token' for the token. "
            "--api and --token do the same for one command.",
        )
    renew = (lambda: _run_token_command(command)) if command else None
    return PromptreelClient(api.strip(), token.strip() or _run_token_command(command), renew=renew)


def _run_token_command(command: str) -> str:
    """Return what the command prints. Raises: InvalidInput when it fails or prints nothing."""
    try:
        ran = subprocess.run(
            shlex.split(command), capture_output=True, text=True, timeout=TOKEN_COMMAND_TIMEOUT_S, check=True
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise InvalidInput(f"{TOKEN_COMMAND} failed: {error}.", remedy="Run it in a shell to see why.") from error
    if not ran.stdout.strip():
        raise InvalidInput(f"{TOKEN_COMMAND} printed no token.", remedy="Run it in a shell to see why.")
    return ran.stdout.strip()


def _path(job_id: str) -> str:
    return f"/v1/jobs/{quote(job_id, safe='')}"


def _parse_address(address: str) -> httpx.URL:
    """Parse a URL. Raises: InvalidInput unless it is https, or http on this machine: tokens travel on it."""
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as error:
        raise InvalidInput(f"{address!r} is not an address: {error}.") from error
    if url.host and (url.scheme == "https" or (url.scheme == "http" and _is_loopback(url))):
        return url
    raise InvalidInput(
        f"{address!r} would send your token unencrypted.", remedy="Use an address that begins with https://."
    )


def _is_loopback(url: httpx.URL) -> bool:
    if url.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        return False
