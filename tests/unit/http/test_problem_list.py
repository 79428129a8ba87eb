"""Every code that the code can raise is explained, and every code that is explained can be raised."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from promptreel import errors
from promptreel.domain.states import JobState
from promptreel.errors import PromptreelError, Transient
from promptreel.http.problem_list import problem_list
from promptreel.ports.storage import Create
from tests.factories import a_job
from tests.fakes.services import FakeServices
from tests.unit.http.api_requests import PROMPT, bearer, submit

ROOT = Path(__file__).parents[3]
API = problem_list()["api"]
BY_DATA = {"clip_failed", "clip_timed_out", "model_unsuitable", "misconfigured"}  # data/remedies.json
BY_WORKFLOW = {"no_capacity"}
CLASSES = {
    name: one for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, PromptreelError)
}


def _raised() -> dict[str, set[int | None]]:
    """Of each code in the source, the statuses of the errors that have it; None for the problem of a job."""
    found: dict[str, set[int | None]] = defaultdict(set)
    for folder in ("functions/promptreel", "stitcher_service"):
        for file in (ROOT / folder).rglob("*.py"):
            if file.name == "errors.py":
                continue  # kinds of errors, most of which are only raised with a code of their own
            for code, status in _codes_in(ast.parse(file.read_text(encoding="utf-8"))):
                found[code].add(status)
    return found


def _codes_in(tree: ast.Module) -> Iterator[tuple[str, int | None]]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(name), keywords=keywords):
                code = next((one.value for one in keywords if one.arg == "code"), None)
                if isinstance(code, ast.Constant) and isinstance(code.value, str):
                    yield code.value, CLASSES[name].status if name in CLASSES else None
                elif code is None and name in CLASSES:
                    yield CLASSES[name].default_code, CLASSES[name].status
            case ast.ClassDef(bases=[ast.Name(base), *_], body=body) if base in CLASSES:
                for line in body:
                    match line:
                        case ast.Assign(targets=[ast.Name("default_code")], value=ast.Constant(str(text))):
                            yield text, None


def test_list_has_exactly_the_codes_that_can_be_raised() -> None:
    listed = {code for section in problem_list().values() for code in section}

    assert listed == set(_raised()) | BY_DATA | BY_WORKFLOW


def test_statuses_are_those_of_the_errors() -> None:
    raised = _raised()
    wrong = {
        code: (one["status"], raised[code])
        for code, one in API.items()
        if code in raised and raised[code] != {None} and one["status"] not in raised[code]
    }

    assert wrong == {}


@pytest.mark.parametrize("code", API)
def test_code_of_the_api_is_named_by_a_test(code: str) -> None:
    texts = (file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py"))

    assert any(f'"{code}"' in text for text in texts)


def test_problem_has_its_place_on_the_page_as_type(http: FlaskClient) -> None:
    headers = {**bearer(), "X-Forwarded-Proto": "https", "Host": "api-1.us-central1.run.app"}
    problem = http.get("/v1/jobs/job-1", headers=headers).get_json()
    page = http.get("/docs/problems")

    assert problem["type"] == "https://api-1.us-central1.run.app/docs/problems#not_found"
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert 'id="not_found"' in page.get_data(as_text=True)


def test_page_has_one_place_for_each_code(http: FlaskClient) -> None:
    page = http.get("/docs/problems").get_data(as_text=True)
    codes = {code for section in problem_list().values() for code in section}

    assert {code: page.count(f'id="{code}"') for code in codes} == dict.fromkeys(codes, 1)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("PUT", "/v1/jobs", None, 405, "method_not_allowed"),
        ("GET", "/v1/nothing", None, 404, "not_found"),
        ("POST", "/v1/jobs", {"prompt": "x" * 1_000_001}, 413, "too_large"),
        ("POST", "/v1/jobs", {**PROMPT, "models": {"video": "x"}}, 422, "unknown_model"),
        ("POST", "/v1/jobs", {**PROMPT, "style": "x"}, 422, "unknown_style"),
        ("POST", "/v1/jobs", {**PROMPT, "template": "x"}, 422, "unknown_template"),
        ("POST", "/v1/jobs", {**PROMPT, "notify_url": "https://x.test"}, 422, "not_supported_yet"),
        ("POST", "/v1/jobs/{job}:cancel", None, 409, "job_is_final"),
        ("POST", "/v1/jobs/{job}:resume", None, 409, "job_is_complete"),
        ("POST", "/v1/jobs/{job}:approve", None, 409, "not_at_a_gate"),
        ("PATCH", "/v1/jobs/{job}/plan", {"revision": 1}, 409, "not_editable"),
    ],
)
def test_documented_problem_is_answered(
    http: FlaskClient, world: FakeServices, method: str, path: str, body: object, status: int, code: str
) -> None:
    job_id = submit(http).get_json()["id"]
    if code in {"job_is_final", "job_is_complete"}:
        job_id = "job-finished"
        world.jobs.write(Create(job_id, a_job(job_id, state=JobState.COMPLETE)))
    options = {} if body is None else {"json": body}

    answer = http.open(path.format(job=job_id), method=method, headers=bearer(), **options)  # type: ignore[arg-type]

    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert answer.content_type == "application/problem+json"
    assert set(answer.get_json()) == {"type", "title", "status", "detail", "code", "message", "remedy", "trace"}


def test_body_that_ends_early_is_a_bad_request(http: FlaskClient) -> None:
    answer = http.post(
        "/v1/jobs",
        data=b"{}",
        content_type="application/json",
        headers=bearer(),
        environ_overrides={"CONTENT_LENGTH": "9"},
    )

    assert (answer.status_code, answer.get_json()["code"]) == (400, "bad_request")


def test_service_that_fails_for_a_moment_is_a_transient_problem(http: FlaskClient, world: FakeServices) -> None:
    def fail(_: str) -> object:
        raise Transient("Firestore is away")

    world.jobs.get_job = fail  # type: ignore[method-assign,assignment]

    answer = http.get("/v1/jobs/job-1", headers=bearer())

    assert (answer.status_code, answer.get_json()["code"]) == (503, "transient")
