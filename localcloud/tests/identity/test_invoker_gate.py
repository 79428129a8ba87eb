"""The gate before a service: nobody enters without the right, and what enters arrives unharmed."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from localcloud.metadata.tokens import Mint, SigningKey
from localcloud.tests import loopback
from localcloud.tests.waiting import PATIENCE_S, eventually

WORKFLOW = "film-workflow@local.iam.gserviceaccount.com"
TASKS = "film-tasks@local.iam.gserviceaccount.com"
PERSON = "mira@example.com"

Tokens = Callable[[str, str], str]


async def echo(request: Request) -> Response:
    body = await request.body()
    target = f"{request.scope['raw_path'].decode()}?{request.url.query}"
    told = {"method": request.method, "target": target, "headers": dict(request.headers), "bytes": len(body)}
    return JSONResponse(told, status_code=201, headers={"X-Backend": "yes"})


async def halves(request: Request) -> Response:
    """Sends its second half only when the test says the first has arrived."""

    async def parts() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.to_thread(request.app.state.first_arrived.wait, 30)
        yield b"second"

    return StreamingResponse(parts())


async def held(request: Request) -> Response:
    """Sends its second half only when the test lets go of it."""

    async def parts() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.to_thread(request.app.state.let_go.wait, 30)
        yield b"second"

    return StreamingResponse(parts())


async def slow(request: Request) -> Response:
    await asyncio.to_thread(request.app.state.first_arrived.wait, 30)
    return Response("late")


@pytest.fixture(scope="module")
def first_arrived() -> threading.Event:
    return threading.Event()


@pytest.fixture(scope="module")
def let_go() -> threading.Event:
    return threading.Event()


@pytest.fixture(scope="module")
def late_port(unused_port: Callable[[], int]) -> int:
    return unused_port()


@pytest.fixture(scope="module")
def closed_port() -> Iterator[int]:
    """A port at which nobody listens: bound, so that no other program takes it meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@contextmanager
def serving(app: Starlette, port: int) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def backend(unused_port: Callable[[], int], first_arrived: threading.Event, let_go: threading.Event) -> Iterator[str]:
    everything = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    routes = [
        Route("/halves", halves),
        Route("/held", held),
        Route("/slow", slow),
        Route("/{path:path}", echo, methods=everything),
    ]
    app = Starlette(routes=routes)
    app.state.first_arrived = first_arrived
    app.state.let_go = let_go
    port = unused_port()
    with serving(app, port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def gates(
    tmp_path_factory: pytest.TempPathFactory,
    metadata_url: str,
    backend: str,
    unused_port: Callable[[], int],
    closed_port: int,
    late_port: int,
    running: Callable[..., AbstractContextManager[None]],
) -> Iterator[dict[str, str]]:
    """``step`` for the workflow, ``api`` for people, ``gone`` without a backend, ``hasty`` with hardly any time.

    ``full`` and ``patient`` have one instance that serves one request; ``full`` lets nobody wait for it.
    """
    ports = {name: unused_port() for name in ("step", "api", "gone", "starting", "hasty", "full", "patient")}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}

    def service(name: str, **rest: object) -> dict[str, object]:
        return {"name": name, "port": ports[name], "backend": backend, "audience": urls[name], "timeout_s": 30} | rest

    services = [
        service("step", invokers=[WORKFLOW]),
        service("api", people=True),
        service("gone", invokers=[WORKFLOW], backend=f"http://127.0.0.1:{closed_port}", cold_start_s=0.1),
        service("starting", invokers=[WORKFLOW], backend=f"http://127.0.0.1:{late_port}"),
        service("hasty", invokers=[WORKFLOW], timeout_s=0.1),
        service("full", invokers=[WORKFLOW], capacity=1, pending_s=0.1),
        service("patient", invokers=[WORKFLOW], capacity=1, pending_s=PATIENCE_S),
    ]
    config = tmp_path_factory.mktemp("gate") / "gate.json"
    config.write_text(json.dumps({"certs_url": f"{metadata_url}/oauth2/v1/certs", "services": services}))
    with running("gate", "--config", str(config), ports=tuple(ports.values())):
        yield urls


@pytest.fixture
def step(gates: dict[str, str], id_token_of: Tokens) -> Iterator[httpx.Client]:
    """A caller with the right to call ``step``."""
    authorization = f"Bearer {id_token_of(WORKFLOW, gates['step'])}"
    with httpx.Client(base_url=gates["step"], headers={"Authorization": authorization}, timeout=PATIENCE_S) as client:
        yield client


def call(url: str, token: str) -> httpx.Response:
    return loopback.post(url, json={}, headers={"Authorization": f"Bearer {token}"})


def test_request_is_answered_with_401_and_a_challenge_when_it_has_no_token(gates: dict[str, str]) -> None:
    answer = loopback.post(gates["step"])

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "Unauthorized" in answer.text


def test_token_for_another_service_is_answered_with_401_when_calling(
    gates: dict[str, str], id_token_of: Tokens
) -> None:
    assert call(gates["step"], id_token_of(WORKFLOW, gates["api"])).status_code == 401


def test_token_signed_by_a_stranger_is_answered_with_401_when_calling(gates: dict[str, str], tmp_path: Path) -> None:
    mint = Mint(SigningKey.kept_in(tmp_path, "forged"), time.time)

    assert call(gates["step"], mint.id_token(WORKFLOW, gates["step"])).status_code == 401


def test_stranger_with_the_right_key_id_is_answered_with_401_when_calling(
    gates: dict[str, str], state_dir: Path, tmp_path: Path
) -> None:
    true_key = SigningKey.kept_in(state_dir, "google")
    forged = SigningKey.kept_in(tmp_path, "forged")
    mint = Mint(SigningKey(forged.private, true_key.key_id, forged.certificate), time.time)

    assert call(gates["step"], mint.id_token(WORKFLOW, gates["step"])).status_code == 401


def test_expired_token_is_answered_with_401_when_calling(gates: dict[str, str], state_dir: Path) -> None:
    two_hours_ago = Mint(SigningKey.kept_in(state_dir, "google"), lambda: time.time() - 7200)

    assert call(gates["step"], two_hours_ago.id_token(WORKFLOW, gates["step"])).status_code == 401


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer not-a-jwt", "Bearer a.b.c", "Basic dXNlcjpwdw=="])
def test_no_id_token_at_all_is_answered_with_401_when_calling(gates: dict[str, str], authorization: str) -> None:
    assert loopback.post(gates["step"], headers={"Authorization": authorization}).status_code == 401


def test_account_without_the_right_is_answered_with_403_when_calling(
    gates: dict[str, str], id_token_of: Tokens
) -> None:
    answer = call(gates["step"], id_token_of(TASKS, gates["step"]))

    assert answer.status_code == 403
    assert "Forbidden" in answer.text


def test_person_is_answered_with_403_when_calling_a_step(gates: dict[str, str], id_token_of: Tokens) -> None:
    assert call(gates["step"], id_token_of(PERSON, gates["step"])).status_code == 403


def test_person_enters_when_calling_the_api(gates: dict[str, str], id_token_of: Tokens) -> None:
    assert call(gates["api"], id_token_of(PERSON, gates["api"])).status_code == 201


def test_account_is_answered_with_403_when_only_people_may_enter(gates: dict[str, str], id_token_of: Tokens) -> None:
    assert call(gates["api"], id_token_of(WORKFLOW, gates["api"])).status_code == 403


def test_request_arrives_as_it_was_sent_when_let_in(step: httpx.Client) -> None:
    answer = step.put("/v1/jobs/a%2Fb?page=2", content=b"12345", headers={"X-Mine": "kept"})
    arrived = answer.json()

    assert (answer.status_code, answer.headers["x-backend"]) == (201, "yes")
    assert (arrived["method"], arrived["bytes"]) == ("PUT", 5)
    assert arrived["target"] == "/v1/jobs/a%2Fb?page=2"
    assert arrived["headers"]["x-mine"] == "kept"
    assert arrived["headers"]["host"] == step.base_url.netloc.decode()
    assert len(answer.headers.get_list("date")) == 1


def test_signature_is_gone_when_request_is_let_in(step: httpx.Client) -> None:
    sent = step.headers["authorization"].split(".")

    arrived = step.get("/").json()["headers"]["authorization"].split(".")

    assert arrived == [sent[0], sent[1], "SIGNATURE_REMOVED_BY_GOOGLE"]


@pytest.mark.parametrize("first", ["nothing", "own", "forged", "other"])
@pytest.mark.parametrize("second", ["nothing", "own", "forged", "other"])
def test_gate_checks_the_serverless_header_alone_when_both_are_sent(
    gates: dict[str, str], id_token_of: Tokens, tmp_path: Path, first: str, second: str
) -> None:
    """Cloud Run's precedence, for every pair of tokens: own, forged, one without the right, and none."""
    tokens = {
        "own": id_token_of(WORKFLOW, gates["step"]),
        "forged": Mint(SigningKey.kept_in(tmp_path, "forged"), time.time).id_token(WORKFLOW, gates["step"]),
        "other": id_token_of(TASKS, gates["step"]),
    }
    sent = {
        header: f"Bearer {tokens[name]}"
        for header, name in (("x-serverless-authorization", first), ("authorization", second))
        if name != "nothing"
    }
    statuses = {"nothing": 401, "own": 201, "forged": 401, "other": 403}

    answer = loopback.post(gates["step"], headers=sent)

    checked = second if first == "nothing" else first
    assert answer.status_code == statuses[checked]
    if checked == "own":
        stripped = f"Bearer {tokens['own'].rpartition('.')[0]}.SIGNATURE_REMOVED_BY_GOOGLE"
        arrived = {header: answer.json()["headers"].get(header) for header in sent}
        assert arrived == {**sent, next(iter(sent)): stripped}, "only the checked token loses its signature"


def test_gate_refuses_an_empty_serverless_header_when_the_other_one_is_valid(
    gates: dict[str, str], id_token_of: Tokens
) -> None:
    headers = {"X-Serverless-Authorization": "", "Authorization": f"Bearer {id_token_of(WORKFLOW, gates['step'])}"}

    assert loopback.post(gates["step"], headers=headers).status_code == 401


def test_request_without_trace_gets_one_in_both_spellings_when_let_in(step: httpx.Client) -> None:
    headers = step.get("/").json()["headers"]
    trace = headers["traceparent"].split("-")[1]

    assert len(trace) == 32
    assert headers["x-cloud-trace-context"].startswith(f"{trace}/")
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "http"


def test_request_with_a_trace_keeps_it_when_let_in(step: httpx.Client) -> None:
    traceparent = f"00-{'a' * 32}-{'b' * 16}-01"

    headers = step.get("/", headers={"traceparent": traceparent, "X-Forwarded-For": "9.9.9.9"}).json()["headers"]

    assert headers["traceparent"] == traceparent
    assert headers["x-forwarded-for"] == "9.9.9.9, 127.0.0.1"


def test_answer_is_passed_on_as_it_comes_when_it_comes_in_parts(
    step: httpx.Client, first_arrived: threading.Event
) -> None:
    """The backend holds the second half back until the first has reached the caller."""
    first_arrived.clear()
    with step.stream("GET", "/halves") as answer:
        parts = answer.iter_raw()
        received = next(parts)
        first_arrived.set()
        received += b"".join(parts)

    assert received == b"firstsecond"


def test_backend_not_there_is_answered_with_503_when_calling(gates: dict[str, str], id_token_of: Tokens) -> None:
    assert call(gates["gone"], id_token_of(WORKFLOW, gates["gone"])).status_code == 503


def test_request_waits_for_it_when_backend_that_only_starts_is_called(
    gates: dict[str, str], id_token_of: Tokens, late_port: int
) -> None:
    """A restarting process must look like Cloud Run's cold start, not like a refusal."""
    token = id_token_of(WORKFLOW, gates["starting"])
    answers: list[httpx.Response] = []
    caller = threading.Thread(target=lambda: answers.append(call(gates["starting"], token)))
    caller.start()
    caller.join(timeout=0.5)
    assert caller.is_alive(), "refused at once"
    with serving(Starlette(routes=[Route("/", echo, methods=["POST"])]), late_port):
        caller.join()

    assert answers[0].status_code == 201
    assert answers[0].json()["bytes"] == 2


def test_backend_slower_than_the_timeout_is_answered_with_504_when_calling(
    gates: dict[str, str], id_token_of: Tokens, first_arrived: threading.Event
) -> None:
    first_arrived.clear()
    token = id_token_of(WORKFLOW, gates["hasty"])

    answer = loopback.get(f"{gates['hasty']}/slow", headers={"Authorization": f"Bearer {token}"})
    first_arrived.set()

    assert answer.status_code == 504


def test_declared_body_over_32_mib_is_answered_with_413_when_calling(step: httpx.Client) -> None:
    assert step.post("/", content=b"x" * (32 * 1024 * 1024 + 1)).status_code == 413


def test_chunked_body_over_32_mib_is_answered_with_413_when_calling(step: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(33):
            yield b"x" * 1024 * 1024

    assert step.post("/", content=chunks()).status_code == 413


def test_body_of_exactly_32_mib_arrives_when_calling(step: httpx.Client) -> None:
    assert step.post("/", content=b"x" * (32 * 1024 * 1024)).json()["bytes"] == 32 * 1024 * 1024


def test_health_answers_when_asked_without_a_token(gates: dict[str, str]) -> None:
    assert loopback.get(f"{gates['step']}/_local/health").json() == {"status": "ok"}


def test_request_is_refused_with_429_when_every_instance_is_busy_until_one_is_free(
    gates: dict[str, str], id_token_of: Tokens, let_go: threading.Event
) -> None:
    let_go.clear()
    token = id_token_of(WORKFLOW, gates["full"])
    headers = {"Authorization": f"Bearer {token}"}

    with httpx.stream("GET", f"{gates['full']}/held", headers=headers, timeout=PATIENCE_S) as busy:
        parts = busy.iter_raw()
        assert next(parts) == b"first"
        refused = call(gates["full"], token)
        stranger = call(gates["full"], id_token_of(TASKS, gates["full"]))
        let_go.set()
        assert list(parts) == [b"second"]

    assert (refused.status_code, refused.text) == (429, "Rate exceeded.")
    assert refused.headers["content-type"].startswith("text/html")
    assert stranger.status_code == 403
    eventually(lambda: call(gates["full"], token).status_code == 201)


def test_request_waits_for_its_place_when_one_becomes_free_in_time(
    gates: dict[str, str], id_token_of: Tokens, let_go: threading.Event
) -> None:
    let_go.clear()
    token = id_token_of(WORKFLOW, gates["patient"])
    headers = {"Authorization": f"Bearer {token}"}

    with (
        ThreadPoolExecutor(1) as pool,
        httpx.stream("GET", f"{gates['patient']}/held", headers=headers, timeout=PATIENCE_S) as busy,
    ):
        parts = busy.iter_raw()
        assert next(parts) == b"first"
        waiting = pool.submit(call, gates["patient"], token)
        assert not waiting.done()
        let_go.set()
        assert list(parts) == [b"second"]

        assert waiting.result(PATIENCE_S).status_code == 201
