"""Interactions as the service spells them: running, completed, failed, cancelled, and its errors."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from localcloud.serving import ApiError
from localcloud.vertex.operations import Video, filter_reason
from localcloud.vertex.registry import ClipUsage
from localcloud.vertex.store import Operation

_THOUGHT_SIGNATURE = "AAAA"
# The codes of the API's error page, by HTTP status and by google.rpc code; a blocked clip's code is not documented.
_CODES: Mapping[int, str] = {
    400: "invalid_request",
    401: "authentication",
    403: "permission_denied",
    404: "not_found",
    429: "rate_limit_exceeded",
    500: "api_error",
    503: "service_unavailable",
    504: "deadline_exceeded",
}
_RPC_CODES: Mapping[int, str] = {
    3: "invalid_request",
    4: "deadline_exceeded",
    5: "not_found",
    7: "permission_denied",
    8: "rate_limit_exceeded",
    14: "service_unavailable",
}
_INTERNAL, _BLOCKED = "api_error", "prohibited_content"


def instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def error_body(error: ApiError) -> dict[str, Any]:
    """An error in this API's envelope, whose code is a word. A fault may order another word as its status."""
    code = error.status if error.status.islower() else _CODES.get(error.code, _INTERNAL)
    body: dict[str, Any] = {"message": error.message, "code": code}
    if error.details:
        body["details"] = error.details
    return {"error": body}


class InteractionDialect:
    """What ends an interaction; `interaction` adds what is true of every one."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def finished(self, operation: Operation, videos: Sequence[Video]) -> dict[str, Any]:
        if not videos:
            return self.failed(_BLOCKED, filter_reason(operation))
        content = [{"type": "video", **video, "mime_type": "video/mp4"} for video in videos]
        steps = [
            {"type": "thought", "signature": _THOUGHT_SIGNATURE},
            {"type": "model_output", "content": content},
        ]
        answer = {"status": "completed", "updated": instant(self._now()), "steps": steps}
        return answer if "usage_missing" in operation.plan["faults"] else answer | {"usage": operation.plan["usage"]}

    def failed(self, code: Any, message: str) -> dict[str, Any]:
        word = _RPC_CODES.get(code, _INTERNAL) if isinstance(code, int) else str(code)
        return {
            "status": "failed",
            "updated": instant(self._now()),
            "errors": [{"code": word, "message": message}],
        }


def usage(used: ClipUsage) -> dict[str, Any]:
    """Modalities that were not used are left out of the lists."""
    by_modality = {"image": used.pictures, "text": used.text}
    return {
        "total_input_tokens": used.prompt,
        "total_output_tokens": used.video,
        "total_thought_tokens": 0,
        "total_cached_tokens": 0,
        "total_tool_use_tokens": 0,
        "total_tokens": used.prompt + used.video,
        "input_tokens_by_modality": [
            {"modality": modality, "tokens": tokens} for modality, tokens in by_modality.items() if tokens
        ],
        "output_tokens_by_modality": [{"modality": "video", "tokens": used.video}],
    }


def interaction(operation: Operation) -> dict[str, Any]:
    """The resource as it stands. A cancelled one does not tell how its clip came out, though it goes on."""
    plan = operation.plan
    common: dict[str, Any] = {
        "id": operation.name,
        "object": "interaction",
        "model": plan["model"],
        "created": plan["created"],
    }
    if plan["labels"]:
        common["labels"] = plan["labels"]
    if "cancelled" in plan:
        return common | {"status": "cancelled", "updated": plan["cancelled"]}
    return common | (operation.answer or {"status": "in_progress", "updated": plan["created"]})
