"""The API's endpoints as methods: one request each, answers as plain dicts, refusals as `ProblemError`.

No Google library and no rule about films may enter here: the server decides, this only asks.
"""

import ipaddress
import os
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, cast
from urllib.parse import quote
from uuid import uuid4

import httpx

from client.problems import ProblemError, Unusable, problem
from client.retries import Retries, repeated
from client.shapes import Event, FilmRequest, Job, JobPage, JobSummary, Ledger, Reconciled, Submitted

T = TypeVar("T")

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
USER_AGENT = "promptreel-client"


class PromptreelClient:
    """One API and one caller. Close it, or use it in a ``with``.

    Every method raises ProblemError when the API says no, and NotReachable when it does not answer. ``renew`` returns a
    fresh token; it is called once for each request that is answered 401, as after the hour that an ID token lives.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        retries: Retries | None = None,
        renew: Callable[[], str] | None = None,
    ) -> None:
        base = _safe(base_url)
        self._retries = retries or Retries()
        # A proxy of the environment is for the world outside, never for this machine.
        self._plain = httpx.Client(
            timeout=TIMEOUT, trust_env=not _is_loopback(base), headers={"User-Agent": USER_AGENT}
        )
        self._base = str(base).rstrip("/")
        self._token = token
        self._renew = renew

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._plain.close()

    def submit(self, request: FilmRequest, idempotency_key: str) -> Submitted:
        """Ask for a film. The same key and request again answer with the same job: it is safe to repeat."""
        return cast(Submitted, self._post("/v1/jobs", request, idempotency_key))

    def job(self, job_id: str) -> Job:
        return cast(Job, self._get(_path(job_id)))

    def jobs(self, *, state: str | None = None, page_token: str | None = None, owner: str | None = None) -> JobPage:
        """One page of the caller's jobs, newest first; pass its `next_page_token` for the one after it.

        `owner` is for operators: another owner, or `*` for the jobs of everybody.
        """
        asked = {"state": state, "page_token": page_token, "owner": owner}
        return cast(JobPage, self._get("/v1/jobs", {name: value for name, value in asked.items() if value}))

    def cancel(self, job_id: str) -> JobSummary:
        return cast(JobSummary, self._post(f"{_path(job_id)}:cancel", {}, str(uuid4())))

    def resume(self, job_id: str, budget_usd: str | None = None) -> JobSummary:
        """Go on with a failed or cancelled job; `budget_usd` is its new limit."""
        body = {} if budget_usd is None else {"budget_usd": budget_usd}
        return cast(JobSummary, self._post(f"{_path(job_id)}:resume", body, str(uuid4())))

    def ledger(self, job_id: str) -> Ledger:
        """Every paid call of the job, and the totals."""
        return cast(Ledger, self._get(f"{_path(job_id)}/ledger"))

    def events(self, job_id: str) -> list[Event]:
        """What happened to the job so far, oldest first."""
        return cast(list[Event], self._get(f"{_path(job_id)}/events")["events"])

    def reconcile(self, job_id: str, bill: Mapping[str, Any]) -> Reconciled:
        """The job's ledger beside a billing export (see client/bill.py); `apply` releases what was never billed.

        It is safe to repeat: what is released stays released.
        """
        return cast(Reconciled, self._post(f"{_path(job_id)}/ledger:reconcile", bill, str(uuid4())))

    def delete(self, job_id: str) -> str:
        """Delete the job and all it owns; answers DELETING until everything is gone, then DELETED."""
        answer = self._repeated(lambda: self._asked("DELETE", _path(job_id)))
        return str(answer["state"]) if answer else "DELETED"

    def download(self, url: str, path: Path) -> Path:
        """Save what a signed URL of the API points to; `path` appears only when it is whole.

        The URL carries its own right to read, so the caller's token is not shown to whoever serves it.
        """
        address = _safe(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        try:
            self._repeated(lambda: self._save(address, part))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return path

    def _save(self, address: httpx.URL, part: Path) -> None:
        with self._plain.stream("GET", address) as response, part.open("wb") as file:
            if not response.is_success:
                response.read()
                raise problem(response)
            for piece in response.iter_bytes():
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())

    def _get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        return self._repeated(lambda: self._asked("GET", path, params=query))

    def _post(self, path: str, body: Mapping[str, Any], idempotency_key: str) -> Any:
        headers = {"Idempotency-Key": idempotency_key}
        return self._repeated(
            lambda: self._asked("POST", path, json=body, headers=headers), repeatable=bool(idempotency_key)
        )

    def _asked(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        def send() -> httpx.Response:
            return self._plain.request(
                method,
                self._base + path,
                params=params,
                json=json,
                headers={"Authorization": f"Bearer {self._token}", **(headers or {})},
            )

        response = send()
        if response.status_code == HTTPStatus.UNAUTHORIZED and self._renew:
            self._token = self._renew()
            response = send()
        if not response.is_success:
            raise problem(response)
        if response.status_code == HTTPStatus.NO_CONTENT:
            return None
        try:
            return response.json()
        except ValueError as error:
            raise ProblemError(
                response.status_code,
                "not_json",
                f"{self._base} does not answer like promptreel's API.",
                "Check the address in PROMPTREEL_API.",
            ) from error

    def _repeated(self, attempt: Callable[[], T], *, repeatable: bool = True) -> T:
        return repeated(attempt, repeatable=repeatable, retries=self._retries)


def _path(job_id: str) -> str:
    return f"/v1/jobs/{quote(job_id, safe='')}"


def _safe(address: str) -> httpx.URL:
    """The parsed address. Raises: Unusable unless it is https, or http on this machine: tokens travel on it."""
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as error:
        raise Unusable(f"{address!r} is not an address: {error}.") from error
    if url.host and (url.scheme == "https" or (url.scheme == "http" and _is_loopback(url))):
        return url
    raise Unusable(
        f"{address!r} would carry your token in the open.", remedy="Use an address that begins with https://."
    )


def _is_loopback(url: httpx.URL) -> bool:
    if url.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        return False
