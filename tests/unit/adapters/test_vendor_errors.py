"""Every exception class of the vendors' libraries: our error for it and, for a paid call, what the ledger writes.

A class that a new version of a library brings fails the completeness test until it has a row, because
it has to be decided whether money may be owed after it.
"""

import importlib
import inspect
import json
import socket
import ssl
import struct
import zlib
from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import ModuleType
from typing import Any

import httpx2
import pydantic
import pytest
import requests
from google.api_core import exceptions as api_core
from google.api_core.exceptions import from_grpc_status, from_http_status
from google.genai import _interactions_errors as interactions
from google.genai import errors as genai
from grpc import StatusCode
from PIL.Image import DecompressionBombError

from promptreel.adapters.gemini import vertex_client
from promptreel.adapters.google_errors import translate_google_errors
from promptreel.adapters.omni import Omni
from promptreel.adapters.operators import ListedOperators
from promptreel.adapters.replicate import Replicate
from promptreel.adapters.veo import Veo
from promptreel.adapters.vertex_errors import translate_paid_call_errors
from promptreel.domain.states import CallState
from promptreel.errors import (
    AnswerLost,
    Broken,
    CallFailed,
    NotFound,
    PromptreelError,
    Refused,
    Throttled,
    Transient,
    Unpaid,
    VersionConflict,
)
from promptreel.ledger.claims import Acquired, CallRequest
from promptreel.ports.models import Operation, VideoRequest
from promptreel.ports.storage import Create
from tests.factories import a_job
from tests.fakes.artifacts import MemoryArtifacts
from tests.fakes.services import FakeServices
from tests.fakes.system import FakeClock

OPERATION = Operation("veo-3.1-generate-001", "operations/1", "gs://b/p/")

BY_STATUS = "by its HTTP status"
"""The status decides, not the class: see the tables of statuses."""
UNCHANGED = "raised unchanged"
"""A bug of ours or a damaged installation, which no caller can answer: the step fails as broken."""
NO_OPERATOR = "answered: no operator"

# The modules below which a library defines what it raises.
GENAI = "google.genai.errors"
INTERACTIONS = "google.genai._interactions_errors"
HTTPX2 = "httpx2"
API_CORE = "google.api_core.exceptions"
AUTH = "google.auth.exceptions"
STORAGE = "google.cloud.storage.exceptions"
REQUESTS = "requests.exceptions"
ELSEWHERE = "elsewhere"
"""Python, pydantic and Pillow: no list of these can be complete, so these rows stand for their kinds."""

Rows = Mapping[object, str]  # outcome → the names of the classes that have it

# Paid POSTs of google-genai. An error after which the request may have been accepted must be AnswerLost.
PAID: Mapping[str, Rows] = {
    GENAI: {
        BY_STATUS: "APIError ClientError ServerError",
        AnswerLost: (
            "UnknownFunctionCallArgumentError UnsupportedFunctionError FunctionInvocationError "
            "UnknownApiResponseError ContinuationInterruptedError"
        ),
    },
    INTERACTIONS: {
        BY_STATUS: (
            "APIStatusError BadRequestError AuthenticationError PermissionDeniedError NotFoundError ConflictError "
            "UnprocessableEntityError RateLimitError InternalServerError"
        ),
        AnswerLost: (  # of a connection error the cause decides, as without it
            "GeminiNextGenAPIClientError APIError APIConnectionError APITimeoutError APIWebSocketError "
            "APIResponseValidationError"
        ),
    },
    HTTPX2: {
        Unpaid: "ConnectError ConnectTimeout PoolTimeout",
        AnswerLost: (
            "CloseError CookieConflict DecodingError HTTPError HTTPStatusError InvalidURL LocalProtocolError "
            "NetworkError ProtocolError ProxyError ReadError ReadTimeout RemoteProtocolError RequestError "
            "RequestNotRead ResponseNotRead SSEError StreamClosed StreamConsumed StreamError TimeoutException "
            "TooManyRedirects TransportError UnsupportedProtocol WriteError WriteTimeout"
        ),
    },
    AUTH: {  # raised while the token is fetched, before the request leaves
        Unpaid: (
            "GoogleAuthError TransportError RefreshError UserAccessTokenError MutualTLSChannelError ClientCertError "
            "OAuthError ReauthFailError ReauthSamlChallengeFailError TimeoutError ResponseError"
        ),
        Refused: (
            "DefaultCredentialsError MalformedError InvalidResource InvalidOperation InvalidValue InvalidType OSError"
        ),
    },
    ELSEWHERE: {
        AnswerLost: (
            "OSError ConnectionError ConnectionResetError BrokenPipeError TimeoutError SSLError "
            "SSLCertVerificationError gaierror JSONDecodeError UnicodeDecodeError ValueError KeyError TypeError "
            "AttributeError RuntimeError RecursionError MemoryError ValidationError StructError ZlibError "
            "DecompressionBombError RequestsConnectionError"
        ),
    },
}

WRITTEN: Mapping[type[CallFailed], CallState] = {
    Unpaid: CallState.PLANNED,
    Throttled: CallState.PLANNED,
    Refused: CallState.RELEASED,
    AnswerLost: CallState.UNCERTAIN,
}

# Firestore, Cloud Storage, Cloud Tasks and Workflows: calls that cost nothing.
FREE: Mapping[str, Rows] = {
    API_CORE: {
        NotFound: "NotFound",
        VersionConflict: "Conflict AlreadyExists Aborted PreconditionFailed FailedPrecondition",
        Broken: (
            "ClientError BadRequest InvalidArgument OutOfRange Unauthorized Unauthenticated Forbidden "
            "PermissionDenied MethodNotAllowed LengthRequired RequestRangeNotSatisfiable"
        ),
        Transient: (
            "GoogleAPIError DuplicateCredentialArgs RetryError GoogleAPICallError Redirection MovedPermanently "
            "NotModified TemporaryRedirect ResumeIncomplete TooManyRequests ResourceExhausted ServerError "
            "InternalServerError Unknown DataLoss MethodNotImplemented BadGateway ServiceUnavailable GatewayTimeout "
            "DeadlineExceeded ResumableTransferError TransferStalledError UnseekableStreamError UploadCancelledError "
            "MissingStatusHeaderError Cancelled"
        ),
        UNCHANGED: "AsyncRestUnsupportedParameterError",
    },
    AUTH: {
        Transient: (
            "GoogleAuthError TransportError RefreshError UserAccessTokenError DefaultCredentialsError "
            "MutualTLSChannelError ClientCertError OAuthError ReauthFailError ReauthSamlChallengeFailError "
            "MalformedError InvalidResource InvalidOperation InvalidValue InvalidType OSError TimeoutError "
            "ResponseError"
        ),
    },
    STORAGE: {  # of its transfers; gcs.py translates DataCorruption, the client turns InvalidResponse into api_core's
        UNCHANGED: (
            "DataCorruption DataCorruptionDynamicParent InvalidResponse InvalidResponseDynamicParent InvalidPathError"
        ),
    },
    REQUESTS: {
        Transient: (
            "RequestException InvalidJSONError JSONDecodeError HTTPError ConnectionError ProxyError SSLError Timeout "
            "ConnectTimeout ReadTimeout URLRequired TooManyRedirects MissingSchema InvalidSchema InvalidURL "
            "InvalidHeader InvalidProxyURL ChunkedEncodingError ContentDecodingError StreamConsumedError RetryError "
            "UnrewindableBodyError"
        ),
    },
    ELSEWHERE: {
        Transient: "ConnectionError ConnectionResetError BrokenPipeError TimeoutError RequestsConnectionError",
        UNCHANGED: (
            "OSError SSLError SSLCertVerificationError gaierror JSONDecodeError UnicodeDecodeError ValueError KeyError "
            "TypeError AttributeError RuntimeError RecursionError MemoryError ValidationError StructError ZlibError "
            "DecompressionBombError"
        ),
    },
}

# Free polls of Veo's operations, which are repeated on the next look.
POLLED: Mapping[str, Rows] = {
    GENAI: {
        BY_STATUS: "APIError ClientError ServerError",
        Transient: (
            "UnknownFunctionCallArgumentError UnsupportedFunctionError FunctionInvocationError UnknownApiResponseError"
        ),
        UNCHANGED: "ContinuationInterruptedError",  # of streams, which no poll opens
    },
    HTTPX2: {
        Transient: (
            "CloseError ConnectError ConnectTimeout DecodingError HTTPError HTTPStatusError LocalProtocolError "
            "NetworkError PoolTimeout ProtocolError ProxyError ReadError ReadTimeout RemoteProtocolError RequestError "
            "SSEError TimeoutException TooManyRedirects TransportError UnsupportedProtocol WriteError WriteTimeout"
        ),
        UNCHANGED: ("CookieConflict InvalidURL RequestNotRead ResponseNotRead StreamClosed StreamConsumed StreamError"),
    },
    AUTH: FREE[AUTH],
    ELSEWHERE: {
        Transient: "JSONDecodeError UnicodeDecodeError ValueError ValidationError SSLCertVerificationError",
        UNCHANGED: (
            "OSError ConnectionError ConnectionResetError BrokenPipeError TimeoutError SSLError gaierror KeyError "
            "TypeError AttributeError RuntimeError RecursionError MemoryError StructError ZlibError "
            "DecompressionBombError RequestsConnectionError"
        ),
    },
}

# Free polls of interactions, whose client wraps what its HTTP library raises.
POLLED_INTERACTION: Mapping[str, Rows] = {
    INTERACTIONS: {
        NotFound: "NotFoundError",
        Transient: (
            "GeminiNextGenAPIClientError APIError APIConnectionError APITimeoutError APIWebSocketError "
            "APIResponseValidationError APIStatusError BadRequestError AuthenticationError PermissionDeniedError "
            "ConflictError UnprocessableEntityError RateLimitError InternalServerError"
        ),
    },
    AUTH: FREE[AUTH],
    ELSEWHERE: POLLED[ELSEWHERE],
}

# Replicate, over httpx2 without a client of its own: paid POSTs, and free reads of predictions, lists and outputs.
PREDICTED: Mapping[str, Rows] = {HTTPX2: PAID[HTTPX2], ELSEWHERE: PAID[ELSEWHERE]}
READ_PREDICTION: Mapping[str, Rows] = {
    HTTPX2: {
        Transient: f"{POLLED[HTTPX2][Transient]} InvalidURL",
        UNCHANGED: "CookieConflict RequestNotRead ResponseNotRead StreamClosed StreamConsumed StreamError",
    },
    ELSEWHERE: POLLED[ELSEWHERE],
}

# Look-ups of group members, after whose failure the caller is no operator.
LOOKED_UP: Mapping[str, Rows] = {
    AUTH: {NO_OPERATOR: FREE[AUTH][Transient]},
    REQUESTS: {NO_OPERATOR: FREE[REQUESTS][Transient]},
    ELSEWHERE: {
        NO_OPERATOR: (
            "OSError ConnectionError ConnectionResetError BrokenPipeError TimeoutError SSLError "
            "SSLCertVerificationError gaierror JSONDecodeError UnicodeDecodeError ValueError ValidationError "
            "RequestsConnectionError"
        ),
        UNCHANGED: (
            "KeyError TypeError AttributeError RuntimeError RecursionError MemoryError StructError ZlibError "
            "DecompressionBombError"
        ),
    },
}


def a_validation_error() -> pydantic.ValidationError:
    try:
        pydantic.TypeAdapter(int).validate_python("x")
    except pydantic.ValidationError as error:
        return error
    raise AssertionError


REQUEST = httpx2.Request("POST", "https://aiplatform.googleapis.com/v1/model:predict")
SPECIAL: Mapping[str, Exception] = {  # by the class's name: those that a message alone does not make
    "APIError": genai.APIError(500, {}),
    "ClientError": genai.ClientError(400, {}),
    "ServerError": genai.ServerError(500, {}),
    "HTTPStatusError": httpx2.HTTPStatusError("boom", request=REQUEST, response=httpx2.Response(500, request=REQUEST)),
    "RequestNotRead": httpx2.RequestNotRead(),
    "ResponseNotRead": httpx2.ResponseNotRead(),
    "StreamClosed": httpx2.StreamClosed(),
    "StreamConsumed": httpx2.StreamConsumed(),
    "UnicodeDecodeError": UnicodeDecodeError("utf-8", b"\xff", 0, 1, "boom"),
    "ValidationError": a_validation_error(),
    "StructError": struct.error("boom"),
    "ZlibError": zlib.error("boom"),
    "DecompressionBombError": DecompressionBombError("boom"),
    "RequestsConnectionError": requests.ConnectionError("boom"),
    "SSLError": ssl.SSLError("boom"),
    "SSLCertVerificationError": ssl.SSLCertVerificationError("boom"),
    "gaierror": socket.gaierror("boom"),
    "JSONDecodeError": json.JSONDecodeError("boom", "", 0),
}


def an_interaction_error(name: str) -> Exception:
    """An error of the Interactions client, made as that client makes it."""
    cls: Any = getattr(interactions, name)
    response = httpx2.Response(200, request=REQUEST)
    if name == "GeminiNextGenAPIClientError":
        error: Exception = cls("boom")
    elif issubclass(cls, interactions.APIStatusError):
        error = cls("boom", response=response, body={})
    elif cls is interactions.APIResponseValidationError:
        error = cls(response, None)
    elif issubclass(cls, interactions.APIConnectionError):
        error = cls(request=REQUEST)
    else:
        error = cls("boom", REQUEST, body=None)
    return error


def classes(library: str) -> set[str]:
    """The names of all exceptions that a library's module holds, warnings and other libraries' left out."""
    module = importlib.import_module(library)
    return {name for name, found in vars(module).items() if _is_exception_of(module, found)}


def _is_exception_of(module: ModuleType, found: object) -> bool:
    return (
        inspect.isclass(found)
        and issubclass(found, Exception)
        and not issubclass(found, Warning)
        and found.__module__.partition(".")[0] == module.__name__.partition(".")[0]
    )


def make(library: str, name: str) -> Exception:
    if library == ELSEWHERE:
        known = SPECIAL.get(name)
        error: Exception = known if known is not None else getattr(importlib.import_module("builtins"), name)("boom")
        return error
    if library == INTERACTIONS:
        return an_interaction_error(name)
    cls: type[Exception] = getattr(importlib.import_module(library), name)
    if cls is requests.JSONDecodeError:
        return cls("boom", "", 0)
    if cls is api_core.RetryError:
        return api_core.RetryError("boom", ValueError("boom"))
    known = SPECIAL.get(name)
    return known if type(known) is cls else cls("boom")


def rows(table: Mapping[str, Rows]) -> list[Any]:
    """The rows of a table as parameters: library, class and outcome."""
    return [
        pytest.param(library, name, outcome, id=f"{library}-{name}")
        for library, outcomes in table.items()
        for outcome, names in outcomes.items()
        for name in names.split()
        if outcome is not BY_STATUS
    ]


TABLES: Mapping[str, Mapping[str, Rows]] = {
    "paid": PAID,
    "free": FREE,
    "polled": POLLED,
    "polled interaction": POLLED_INTERACTION,
    "predicted": PREDICTED,
    "read prediction": READ_PREDICTION,
    "looked up": LOOKED_UP,
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_table_has_every_exception_class_of_the_libraries_once(table: Mapping[str, Rows]) -> None:
    for library in set(table) - {ELSEWHERE}:
        listed = [name for names in table[library].values() for name in names.split()]

        assert sorted(listed) == sorted(classes(library)), library


def test_tables_decide_the_same_further_kinds() -> None:
    first, *others = (
        {name for names in table[ELSEWHERE].values() for name in names.split()} for table in TABLES.values()
    )

    assert all(other == first for other in others)


def test_paid_call_goes_out_by_the_http_library_whose_errors_are_listed() -> None:
    client = vertex_client("p", "global", "http://127.0.0.1:9")

    assert isinstance(client._api_client._httpx_client, httpx2.Client)
    assert not client._api_client._use_google_auth_sync()


REQUESTED = CallRequest(
    job_id="job-1", run=1, kind="image", model="m", purpose="k", digest="d", price_micros=100, timeout_s=60
)


def outcome_of_paid_call(error: Exception) -> tuple[type[CallFailed], CallState]:
    """What a paid call raises when its POST raises ``error``, and the state in which the ledger leaves the call."""
    services = FakeServices()
    services.jobs.write(Create("job-1", a_job()))
    claim = services.ledger.claim(REQUESTED)
    assert isinstance(claim, Acquired)

    def post(_: float) -> None:
        with translate_paid_call_errors("draw"):
            raise error

    with pytest.raises(CallFailed) as failed:
        services.ledger.send(claim, REQUESTED, post)
    call = services.jobs.get_call("job-1", REQUESTED.call_id)
    assert call is not None
    return type(failed.value), call.value.state


@pytest.mark.parametrize(("library", "name", "outcome"), rows(PAID))
def test_paid_call_is_recorded_by_the_class_of_its_error(library: str, name: str, outcome: type[CallFailed]) -> None:
    assert outcome_of_paid_call(make(library, name)) == (outcome, WRITTEN[outcome])


@pytest.mark.parametrize("status", [*range(400, 600), 100, 200, 204, 301, 302, 307, 308, 999])
def test_paid_call_is_recorded_by_its_http_status(status: int) -> None:
    expected = ending_of(status)

    assert outcome_of_paid_call(genai.APIError(status, {"error": {"code": status}})) == (expected, WRITTEN[expected])


@pytest.mark.parametrize("status", [*range(400, 600), 100, 204, 301, 308, 999])
def test_interaction_is_recorded_by_its_http_status(status: int) -> None:
    response, expected = httpx2.Response(status, request=REQUEST), ending_of(status)
    error = interactions.APIError.generate(status, {"error": {"code": "odd"}}, None, response)

    assert outcome_of_paid_call(error) == (expected, WRITTEN[expected])


@pytest.mark.parametrize(("library", "name", "outcome"), rows({HTTPX2: PAID[HTTPX2]}))
def test_interaction_is_recorded_by_the_cause_when_its_connection_failed(
    library: str, name: str, outcome: type[CallFailed]
) -> None:
    error = interactions.APIConnectionError(request=REQUEST)
    error.__cause__ = make(library, name)

    assert outcome_of_paid_call(error) == (outcome, WRITTEN[outcome])


def ending_of(status: int) -> type[CallFailed]:
    """Only a 4xx says that nothing was made, except those that a proxy sends when it has waited too long."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Throttled
    return Refused if 400 <= status < 500 and status not in {408, 499} else AnswerLost


def test_paid_call_is_uncertain_when_its_error_has_no_status() -> None:
    assert outcome_of_paid_call(genai.APIError(0, {})) == (AnswerLost, CallState.UNCERTAIN)


@pytest.mark.parametrize("known", [Unpaid("x"), Throttled("x"), Refused("x", codes=("safety",)), AnswerLost("x")])
def test_paid_call_keeps_its_own_error_when_the_answer_was_already_judged(known: CallFailed) -> None:
    with pytest.raises(CallFailed) as failed, translate_paid_call_errors("draw"):
        raise known

    assert failed.value is known


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(1)])
def test_paid_call_stays_sent_when_the_process_ends(stop: BaseException) -> None:
    """The next worker finds it SENT and, once its lease is over, uncertain: never free to be sent a second time."""
    services = FakeServices()
    services.jobs.write(Create("job-1", a_job()))
    claim = services.ledger.claim(REQUESTED)
    assert isinstance(claim, Acquired)

    def post(_: float) -> None:
        with translate_paid_call_errors("draw"):
            raise stop

    with pytest.raises(type(stop)):
        services.ledger.send(claim, REQUESTED, post)

    assert [read.value.state for read in services.jobs.list_calls("job-1")] == [CallState.SENT]


@pytest.mark.parametrize(("library", "name", "outcome"), rows(FREE))
def test_free_call_fails_by_the_class_of_its_error(library: str, name: str, outcome: object) -> None:
    error = make(library, name)

    def read() -> None:
        with translate_google_errors("read"):
            raise error

    assert_outcome(read, error, outcome)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (400, Broken),
        (401, Broken),
        (403, Broken),
        (404, NotFound),
        (408, Transient),
        (409, VersionConflict),
        (412, VersionConflict),
        (429, Transient),
        (499, Transient),
        (500, Transient),
        (502, Transient),
        (503, Transient),
        (504, Transient),
    ],
)
def test_free_call_over_http_fails_by_its_status(status: int, outcome: type[PromptreelError]) -> None:
    with pytest.raises(PromptreelError) as failed, translate_google_errors("read"):
        raise from_http_status(status, "boom")

    assert type(failed.value) is outcome


RPC: Mapping[StatusCode, type[PromptreelError]] = {
    StatusCode.CANCELLED: Transient,
    StatusCode.UNKNOWN: Transient,
    StatusCode.INVALID_ARGUMENT: Broken,
    StatusCode.DEADLINE_EXCEEDED: Transient,
    StatusCode.NOT_FOUND: NotFound,
    StatusCode.ALREADY_EXISTS: VersionConflict,
    StatusCode.PERMISSION_DENIED: Broken,
    StatusCode.RESOURCE_EXHAUSTED: Transient,
    StatusCode.FAILED_PRECONDITION: VersionConflict,
    StatusCode.ABORTED: VersionConflict,
    StatusCode.OUT_OF_RANGE: Broken,
    StatusCode.UNIMPLEMENTED: Transient,
    StatusCode.INTERNAL: Transient,
    StatusCode.UNAVAILABLE: Transient,
    StatusCode.DATA_LOSS: Transient,
    StatusCode.UNAUTHENTICATED: Broken,
}


@pytest.mark.parametrize("status", [status for status in StatusCode if status is not StatusCode.OK])
def test_free_call_over_grpc_fails_by_its_status(status: StatusCode) -> None:
    with pytest.raises(PromptreelError) as failed, translate_google_errors("read"):
        raise from_grpc_status(status, "boom")

    assert type(failed.value) is RPC[status]


class FailingVeo(Veo):
    """An adapter whose client raises on every poll."""

    def __init__(self, error: Exception) -> None:
        super().__init__("p", "us-central1", "http://127.0.0.1:9")
        self._error = error

    def _client_for(self, operation: str) -> object:  # type: ignore[override]
        raise self._error


@pytest.mark.parametrize(("library", "name", "outcome"), rows(POLLED))
def test_poll_fails_by_the_class_of_its_error(library: str, name: str, outcome: object) -> None:
    error = make(library, name)

    assert_outcome(lambda: FailingVeo(error).poll(OPERATION), error, outcome)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 429, 499, 500, 503])
def test_poll_fails_by_its_http_status(status: int) -> None:
    with pytest.raises(PromptreelError) as failed:
        FailingVeo(genai.APIError(status, {})).poll(OPERATION)

    assert type(failed.value) is (NotFound if status == HTTPStatus.NOT_FOUND else Transient)


class FailingOmni(Omni):
    """An adapter whose client raises on every poll."""

    def __init__(self, error: Exception) -> None:
        super().__init__("p", "global", "http://127.0.0.1:9")
        self._error = error

    @property
    def _client(self) -> Any:
        raise self._error


@pytest.mark.parametrize(("library", "name", "outcome"), rows(POLLED_INTERACTION))
def test_poll_of_interaction_fails_by_the_class_of_its_error(library: str, name: str, outcome: object) -> None:
    error = make(library, name)

    assert_outcome(lambda: FailingOmni(error).poll(OPERATION), error, outcome)


class ScriptedReplicate(Replicate):
    """An adapter whose HTTP client raises an error, or answers everything with one status."""

    _client: httpx2.Client

    def __init__(self, answer: Exception | int) -> None:
        super().__init__("token", "http://127.0.0.1:9", MemoryArtifacts(FakeClock()))

        def handle(_: httpx2.Request) -> httpx2.Response:
            if isinstance(answer, Exception):
                raise answer
            return httpx2.Response(answer, json={"detail": "boom", "status": answer})

        self._client = httpx2.Client(base_url=self._url, transport=httpx2.MockTransport(handle))

    def film(self) -> str:
        request = VideoRequest("google/veo-3.1", "A boat", "gs://b/1.png", "gs://b/2.png", 4, "16:9", "720p", False, 7)
        return self.submit(request, "gs://b/p/", 60.0)


@pytest.mark.parametrize(("library", "name", "outcome"), rows(PREDICTED))
def test_submit_of_prediction_fails_by_the_class_of_its_error(library: str, name: str, outcome: object) -> None:
    error = make(library, name)

    assert_outcome(ScriptedReplicate(error).film, error, outcome)


@pytest.mark.parametrize("status", [*range(400, 600), 200, 204, 301, 308])
def test_submit_of_prediction_fails_by_its_http_status(status: int) -> None:
    with pytest.raises(CallFailed) as failed:
        ScriptedReplicate(status).film()

    assert type(failed.value) is ending_of(status)


@pytest.mark.parametrize(("library", "name", "outcome"), rows(READ_PREDICTION))
def test_read_of_prediction_fails_by_the_class_of_its_error(library: str, name: str, outcome: object) -> None:
    error = make(library, name)

    assert_outcome(lambda: ScriptedReplicate(error).poll(OPERATION), error, outcome)


@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 402, 403, 404, 408, 429, 499, 500, 503])
def test_read_of_prediction_fails_by_its_http_status(status: int) -> None:
    with pytest.raises(PromptreelError) as failed:
        ScriptedReplicate(status).poll(OPERATION)

    assert type(failed.value) is (NotFound if status == HTTPStatus.NOT_FOUND else Transient)


def assert_outcome(run: Callable[[], object], original: Exception, outcome: object) -> None:
    with pytest.raises(Exception) as failed:  # noqa: PT011 - which class it is, is the question
        run()
    if outcome is UNCHANGED:
        assert failed.value is original
    else:
        assert type(failed.value) is outcome
        assert failed.value.__cause__ is original


class FailingOperators(ListedOperators):
    """Operators of one group whose look-up raises."""

    def __init__(self, error: Exception) -> None:
        super().__init__(["group:ops@example.com"], FakeClock(), "http://127.0.0.1:9")
        self._error = error

    def _get(self, path: str) -> str:
        raise self._error


@pytest.mark.parametrize(("library", "name", "outcome"), rows(LOOKED_UP))
def test_no_address_is_an_operator_when_its_group_cannot_be_read(library: str, name: str, outcome: object) -> None:
    error = make(library, name)
    operators = FailingOperators(error)

    if outcome is NO_OPERATOR:
        assert not operators.is_operator("mira@example.com")
    else:
        assert_outcome(lambda: operators.is_operator("mira@example.com"), error, outcome)
