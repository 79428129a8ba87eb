"""How each refusal and failure of Vertex AI is classified: one table for every shape of answer."""

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from google.genai._interactions_errors import APIError as InteractionError
from google.genai.errors import APIError

from promptreel.adapters.vertex_errors import (
    FailureKind,
    classify,
    classify_filtered,
    classify_operation,
    translate_paid_call_errors,
)
from promptreel.domain import remedies
from promptreel.errors import AnswerLost, CallFailed, Refused, Throttled

MODEL = "projects/demo/locations/us-central1/publishers/google/models/veo-3.1-generate-001"
MISSING_MODEL = (
    f"Publisher Model `{MODEL}` was not found or your project does not have access to it. "
    "Please ensure you are using a valid model version."
)
NO_PERMISSION = (
    f"Permission 'aiplatform.endpoints.predict' denied on resource '//aiplatform.googleapis.com/{MODEL}' "
    "(or it may not exist)."
)
OUR_QUOTA = (
    "Quota exceeded for aiplatform.googleapis.com/online_prediction_requests_per_base_model with base model: "
    "veo-3.1-generate. Please submit a quota increase request."
)
USE_CASE = "Your use case is currently not supported. Please refer to the documentation for current model offering."
NOT_LISTED = "Frame interpolation is not allowlisted for project 123456789012."
AUDIO = (
    "We encountered an issue with the audio for your prompt, which means we could not create your video. This can "
    "sometimes happen due to our safety filters or other processing issues. Please modify your request and try again."
)
GUIDELINES = "The prompt could not be submitted. It contains words that may violate our usage guidelines."
VPC = "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: a1B2"
ORG_POLICY = (
    "Organization Policy constraint constraints/vertexai.allowedModels violated for `projects/demo` attempting to use "
    "a disallowed Gen AI model."
)
API_OFF = (
    "Vertex AI API has not been used in project 123456789012 before or it is disabled. Enable it by visiting "
    "https://console.developers.google.com then retry."
)
PROVISIONED = (
    "Service agents are being provisioned. Service agents are needed to read the Cloud Storage file provided. "
    "So please try again in a few minutes."
)
DURATION = "Unsupported output video duration 5 seconds, supported durations are [4,6,8] for feature text_to_video."
MODEL_TURN = "Requests ending with a model turn are not supported."
NO_BUCKET = "The Vertex service agent does not have storage.objects.get access: Permission 'storage.objects.get' denied"


def in_words(code: str, message: str) -> dict[str, Any]:
    """An error of the Interactions API, whose code is a word."""
    return {"error": {"message": message, "code": code}}


def envelope(code: int, message: str, status: str = "INVALID_ARGUMENT", **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, **more}}


def reason(name: str) -> list[dict[str, str]]:
    return [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": name, "domain": "googleapis.com"}]


def nested(outer: int, inner: dict[str, Any]) -> dict[str, Any]:
    """A proxy's envelope whose message is the provider's envelope as text."""
    return {"error": {"code": outer, "message": json.dumps(inner), "status": "Bad Request"}}


SAFETY, CAPABILITY, QUOTA, CONFIGURATION, OUTAGE, UNKNOWN = FailureKind
SETUP, ABSENT = ("configuration",), ("model_unavailable",)

# HTTP status, body, class, codes.
REQUESTS: list[tuple[int, Any, FailureKind, tuple[str, ...]]] = [
    (404, envelope(404, MISSING_MODEL, "NOT_FOUND"), CONFIGURATION, ABSENT),
    (404, envelope(404, "Requested entity was not found.", "NOT_FOUND"), CONFIGURATION, ABSENT),
    (404, envelope(404, "models/veo-3.0 is not found for API version v1beta1", "NOT_FOUND"), CONFIGURATION, ABSENT),
    (404, envelope(404, "This model is no longer available.", "NOT_FOUND"), CONFIGURATION, ABSENT),
    (404, [envelope(404, MISSING_MODEL, "NOT_FOUND")], CONFIGURATION, ABSENT),
    (404, envelope(404, "The specified bucket does not exist.", "NOT_FOUND"), CONFIGURATION, SETUP),
    (404, nested(404, envelope(404, MISSING_MODEL, "NOT_FOUND")), CONFIGURATION, ABSENT),
    (403, envelope(403, NO_PERMISSION, "PERMISSION_DENIED"), CONFIGURATION, SETUP),
    (403, envelope(403, "The caller does not have permission", "PERMISSION_DENIED"), CONFIGURATION, SETUP),
    (403, envelope(403, API_OFF, "PERMISSION_DENIED", details=reason("SERVICE_DISABLED")), CONFIGURATION, SETUP),
    (403, envelope(403, VPC, "PERMISSION_DENIED"), CONFIGURATION, SETUP),
    (403, envelope(403, NO_BUCKET, "PERMISSION_DENIED"), CONFIGURATION, SETUP),
    (403, envelope(403, "This API method requires billing to be enabled.", "PERMISSION_DENIED"), CONFIGURATION, SETUP),
    (403, nested(403, envelope(403, NO_PERMISSION, "PERMISSION_DENIED")), CONFIGURATION, SETUP),
    (403, envelope(403, "Model access is limited to allowlisted projects", "PERMISSION_DENIED"), CAPABILITY, ()),
    (401, envelope(401, "Request had invalid authentication credentials.", "UNAUTHENTICATED"), CONFIGURATION, SETUP),
    (401, {"message": "<html>Unauthorized</html>", "status": "Unauthorized"}, CONFIGURATION, SETUP),
    (400, envelope(400, ORG_POLICY, "FAILED_PRECONDITION"), CONFIGURATION, SETUP),
    (400, envelope(400, "Invalid resource", details=reason("RESOURCE_PROJECT_INVALID")), CONFIGURATION, SETUP),
    (400, envelope(400, NO_BUCKET, "FAILED_PRECONDITION"), CONFIGURATION, SETUP),
    (
        400,
        envelope(400, "User location is not supported for use.", "FAILED_PRECONDITION"),
        CONFIGURATION,
        SETUP,
    ),
    (400, envelope(400, "API key not valid. Please pass a valid API key."), CONFIGURATION, SETUP),
    (400, envelope(400, USE_CASE), CAPABILITY, ()),
    (400, nested(400, envelope(400, USE_CASE)), CAPABILITY, ()),
    (400, envelope(400, NOT_LISTED, "FAILED_PRECONDITION"), CAPABILITY, ()),
    (400, envelope(400, f"Project `demo` is not allowed to use {MISSING_MODEL[:40]}"), CAPABILITY, ()),
    (400, envelope(400, DURATION), CAPABILITY, ()),
    (400, envelope(400, "Reference images are not supported by model veo-3.1-lite."), CAPABILITY, ()),
    (400, envelope(400, "sampleCount must be between 1 and 4, got 5."), CAPABILITY, ()),
    (400, envelope(400, "The image is too large: 9 bytes, at most 7340032 are supported."), CAPABILITY, ()),
    (400, envelope(400, MODEL_TURN), CAPABILITY, ()),
    (400, envelope(400, "The input token count exceeds the maximum number of tokens allowed."), CAPABILITY, ()),
    (400, envelope(400, f"{GUIDELINES} Support codes: 42876398"), SAFETY, ("42876398",)),
    (400, envelope(400, f"{GUIDELINES} Support codes: 58061214, 15236754"), SAFETY, ("58061214", "15236754")),
    (400, nested(400, envelope(400, "Blocked. Support codes: 90789179")), SAFETY, ("90789179",)),
    (400, envelope(400, "The input image was refused (62263041)."), SAFETY, ("62263041",)),
    (400, envelope(400, "Blocked. Support codes: 11112222"), SAFETY, ("11112222",)),
    (400, envelope(400, GUIDELINES), SAFETY, ("safety",)),
    (400, envelope(400, "This prompt contains sensitive words. Try rephrasing the prompt."), SAFETY, ("safety",)),
    (400, envelope(400, AUDIO), SAFETY, ("audio",)),
    (400, envelope(400, PROVISIONED, "FAILED_PRECONDITION"), OUTAGE, ()),
    (400, envelope(400, "Request contains an invalid argument."), UNKNOWN, ()),
    (400, envelope(400, "Precondition check failed.", "FAILED_PRECONDITION"), UNKNOWN, ()),
    (400, {"error": "odd"}, UNKNOWN, ()),
    (400, {}, UNKNOWN, ()),
    (409, envelope(409, "The operation was aborted.", "ABORTED"), OUTAGE, ()),
    (413, {"message": "<html>Request Entity Too Large</html>", "status": "Request Entity Too Large"}, CAPABILITY, ()),
    (429, envelope(429, OUR_QUOTA, "RESOURCE_EXHAUSTED"), QUOTA, ()),
    (429, envelope(429, "Resource exhausted. Please try again later.", "RESOURCE_EXHAUSTED"), QUOTA, ()),
    (429, {"message": "Rate exceeded.", "status": "Too Many Requests"}, QUOTA, ()),
    (408, envelope(408, "Request timeout", "DEADLINE_EXCEEDED"), OUTAGE, ()),
    (499, envelope(499, "The operation was cancelled.", "CANCELLED"), OUTAGE, ()),
    (500, envelope(500, "Internal error encountered.", "INTERNAL"), OUTAGE, ()),
    (500, envelope(500, "Unknown error.", "UNKNOWN"), OUTAGE, ()),
    (502, {"message": "<html>Bad Gateway</html>", "status": "Bad Gateway"}, OUTAGE, ()),
    (503, envelope(503, "The service is currently unavailable.", "UNAVAILABLE"), OUTAGE, ()),
    (504, envelope(504, "Deadline expired before operation could complete.", "DEADLINE_EXCEEDED"), OUTAGE, ()),
    (404, in_words("model_not_found", "There is no such model."), CONFIGURATION, ABSENT),
    (404, in_words("not_found", MISSING_MODEL), CONFIGURATION, ABSENT),
    (404, in_words("not_found", "The specified bucket does not exist."), CONFIGURATION, SETUP),
    (403, in_words("permission_denied", "Denied."), CONFIGURATION, SETUP),
    (401, in_words("authentication", "Token expired."), CONFIGURATION, SETUP),
    (400, in_words("failed_precondition", "Please enable billing."), CONFIGURATION, SETUP),
    (400, in_words("invalid_request", DURATION), CAPABILITY, ()),
    (400, in_words("invalid_request", f"{GUIDELINES} Support codes: 58061214"), SAFETY, ("58061214",)),
    (400, in_words("prohibited_content", "The request was not accepted."), SAFETY, ("safety",)),
    (400, in_words("parameter_unknown", "Unknown name."), UNKNOWN, ()),
    (429, in_words("rate_limit_exceeded", "Slow down."), QUOTA, ()),
    (429, in_words("quota_exceeded", "Come back tomorrow."), QUOTA, ()),
    (503, in_words("service_unavailable", "Busy."), OUTAGE, ()),
]

# What an operation ended with, class, codes.
OPERATIONS: list[tuple[dict[str, Any], FailureKind, tuple[str, ...]]] = [
    ({"code": 3, "message": f"{GUIDELINES} Support codes: 29310472"}, SAFETY, ("29310472",)),
    ({"code": 3, "message": "The input image violates Vertex AI's usage guidelines."}, SAFETY, ("safety",)),
    ({"code": 3, "message": "Veo could not generate videos (61493863)."}, SAFETY, ("61493863",)),
    ({"code": 3, "message": AUDIO}, SAFETY, ("audio",)),
    ({"code": 3, "message": "Request contains an invalid argument."}, UNKNOWN, ()),
    ({"code": 3, "message": USE_CASE}, CAPABILITY, ()),
    ({"code": 3, "message": "generateAudio is not supported by this model."}, CAPABILITY, ()),
    ({"code": 9, "message": NOT_LISTED}, CAPABILITY, ()),
    ({"code": 9, "message": PROVISIONED}, OUTAGE, ()),
    ({"code": 9, "message": ORG_POLICY}, CONFIGURATION, SETUP),
    ({"code": 12, "message": "Method not implemented."}, CAPABILITY, ()),
    ({"code": 5, "message": MISSING_MODEL}, CONFIGURATION, ABSENT),
    ({"code": 5, "message": "Failed to write the video: the bucket does not exist"}, CONFIGURATION, SETUP),
    ({"code": 7, "message": NO_BUCKET}, CONFIGURATION, SETUP),
    ({"code": 16, "message": "Token expired."}, CONFIGURATION, SETUP),
    ({"code": 8, "message": "Resource exhausted"}, QUOTA, ()),
    ({"message": OUR_QUOTA}, QUOTA, ()),
    ({"code": 13, "message": "Video generation failed due to an internal error. Please try again."}, OUTAGE, ()),
    ({"code": 13, "message": "Audio backend failed"}, OUTAGE, ()),
    ({"code": 14, "message": "The service is experiencing high load."}, OUTAGE, ()),
    ({"code": 4, "message": "Deadline exceeded"}, OUTAGE, ()),
    ({"code": 1, "message": "Cancelled"}, OUTAGE, ()),
    ({"message": "The service failed (code 13)"}, OUTAGE, ()),
    ({"error": {"code": 8, "message": "Out of capacity."}}, QUOTA, ()),
    ({"error": {"message": "Blocked. Support codes: 32635315", "status": "INVALID_ARGUMENT"}}, SAFETY, ("32635315",)),
    ({"code": 400, "message": json.dumps(envelope(400, NOT_LISTED, "FAILED_PRECONDITION"))}, CAPABILITY, ()),
    ({"code": 3, "message": json.dumps({"message": MISSING_MODEL, "status": "NOT_FOUND"})}, CONFIGURATION, ABSENT),
    ({"code": 3, "message": json.dumps(envelope(404, MISSING_MODEL, ""))}, CONFIGURATION, ABSENT),
    ({"code": 3}, UNKNOWN, ()),
    (in_words("rate_limit_exceeded", "No capacity."), QUOTA, ()),
    (in_words("api_error", "Something broke."), OUTAGE, ()),
    (in_words("service_unavailable", "Busy."), OUTAGE, ()),
    (in_words("deadline_exceeded", "Too slow."), OUTAGE, ()),
    (in_words("model_not_found", "There is no such model."), CONFIGURATION, ABSENT),
    (in_words("permission_denied", "Denied."), CONFIGURATION, SETUP),
    (in_words("prohibited_content", "The clip was not delivered."), SAFETY, ("safety",)),
    ({"error": [{"code": "prohibited_content", "message": "Support codes: 58061214"}]}, SAFETY, ("58061214",)),
]

# Why a filter took the output, codes.
FILTERED: list[tuple[str, tuple[str, ...]]] = [
    ("Veo could not generate 1 videos based on the prompt provided. Support codes: 42237218", ("42237218",)),
    ("(explanation) Support codes: 15236754, 56562880", ("15236754", "56562880")),
    ("Support code: 99999999", ("99999999",)),
    ("Filtered (78610348)", ("78610348",)),
    (AUDIO, ("audio",)),
    (f"{AUDIO} Support codes: 17301594", ("17301594",)),
    ("Our service is not supported for this prompt.", ("safety",)),
    ("", ("safety",)),
]


def raised(error: Exception) -> CallFailed:
    with pytest.raises(CallFailed) as failed, translate_paid_call_errors("film"):
        raise error
    return failed.value


def of_interaction(http: int, body: Any) -> Exception:
    """The same answer as the Interactions client raises it."""
    response = httpx2.Response(http, request=httpx2.Request("POST", "https://aiplatform.googleapis.com/"))
    return InteractionError.generate(http, body, None, response)


@pytest.mark.parametrize("error_of", [APIError, of_interaction])
@pytest.mark.parametrize(("http", "body", "kind", "codes"), REQUESTS)
def test_request_that_fails_is_classified_by_status_code_and_words(
    http: int, body: Any, kind: FailureKind, codes: tuple[str, ...], error_of: Callable[[int, Any], Exception]
) -> None:
    failed = raised(error_of(http, body))

    if kind is QUOTA:
        assert isinstance(failed, Throttled)
    elif http in {408, 499} or http >= 500:
        assert isinstance(failed, AnswerLost)
        assert classify(failed.reason, http=http) == (codes or (kind,))
    else:
        assert isinstance(failed, Refused)
        assert failed.codes == (codes or (kind,))
    assert str(http) in failed.reason


@pytest.mark.parametrize(("error", "kind", "codes"), OPERATIONS)
def test_operation_that_fails_is_classified_by_rpc_code_and_words(
    error: dict[str, Any], kind: FailureKind, codes: tuple[str, ...]
) -> None:
    classified, words = classify_operation(error)

    assert classified == (codes or (kind,))
    assert words


@pytest.mark.parametrize(("words", "codes"), FILTERED)
def test_filtered_output_is_safety_whatever_its_words_when_there_is_no_error(
    words: str, codes: tuple[str, ...]
) -> None:
    assert classify_filtered(words) == codes


def test_table_holds_enough_answers_of_every_class_to_be_believed() -> None:
    kinds = [row[2] for row in REQUESTS] + [row[1] for row in OPERATIONS] + [SAFETY] * len(FILTERED)

    assert len(kinds) >= 60
    assert set(kinds) == set(FailureKind)


def test_only_safety_leads_to_a_rewrite_when_remedies_are_chosen_by_class() -> None:
    listed = {kind: remedies.find_remedy([kind.value]) for kind in FailureKind if kind is not SAFETY}
    listed[CONFIGURATION] = remedies.find_remedy(ABSENT)

    for kind, remedy in listed.items():
        assert not {"rewrite", "redraw", "mute"} & set(remedy.steps), kind
        assert remedy.problem != "clip_refused", kind
    assert len({remedy.advice for remedy in listed.values()}) == len(listed)
    assert "rewrite" in remedies.find_remedy(["safety"]).steps


def test_message_keeps_the_words_of_the_innermost_envelope_when_answers_are_nested() -> None:
    failed = raised(APIError(400, nested(400, envelope(400, NOT_LISTED, "FAILED_PRECONDITION"))))

    assert failed.reason == f"film: 400 {NOT_LISTED}"
