"""A request that comes without the API, as an execution's argument or in a file: it may name its owner."""

from collections.abc import Mapping
from typing import Any

from promptreel.domain.characters import check_characters
from promptreel.domain.job import OPERATORS, Job
from promptreel.errors import Invalid
from promptreel.ports.storage import UploadedFile
from promptreel.services import Services
from promptreel.usecases.accept_request import accept_request

OWNER = "owner"
MAX_OWNER_CHARS = 254  # of an e-mail address


def accept_unattended(job_id: str, payload: Any, services: Services, upload: UploadedFile | None = None) -> Job:
    """`accept_request` for the owner that the request names, else for the operators.

    Raises: Rejected; TooMany when the owner has too many unfinished jobs: the workflow repeats it for hours.
    """
    owner, request = _split_owner(payload)
    return accept_request(job_id, owner, request, services, upload)


def _split_owner(payload: Any) -> tuple[str, Any]:
    if not isinstance(payload, Mapping):
        return OPERATORS, payload
    owner = payload.get(OWNER, OPERATORS)
    check_characters({OWNER: owner})
    if not isinstance(owner, str) or not owner or len(owner) > MAX_OWNER_CHARS:
        raise Invalid(f"owner: must be an e-mail address of at most {MAX_OWNER_CHARS} characters.")
    return owner, {field: value for field, value in payload.items() if field != OWNER}
