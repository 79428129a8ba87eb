"""How a file in the prompts bucket becomes a job: one for each generation, however often its event comes."""

from dataclasses import replace
from typing import Any

from promptreel.domain import identifiers
from promptreel.domain.characters import check_characters
from promptreel.domain.job import Job
from promptreel.domain.styles import STYLE_FOLDER
from promptreel.errors import Invalid, NotFound, Rejected
from promptreel.ports.storage import UploadedFile, UploadedPrompt
from promptreel.services import Services
from promptreel.usecases import prompt_files
from promptreel.usecases.accept_unattended import accept_unattended
from promptreel.usecases.upload_fields import PRESET_FOLDER, merge_fields, read_metadata, read_preset
from promptreel.usecases.upload_reports import report_failure, report_job

_SETTINGS = (STYLE_FOLDER, PRESET_FOLDER)  # what lies there is for requests, and requests nothing by itself

MAX_NAME_BYTES = 1_000  # the report's has some more, and Cloud Storage ends at 1,024


def accept_upload(data: dict[str, Any], services: Services) -> Job | None:
    """The job that a bucket event asks for; None when the object asks for none.

    A trigger cannot filter its events, so they also come for styles, presets, and the empty objects that stand for
    folders. A file that was deleted or replaced before it was read asks for nothing: the newer one has an event too.

    Raises: Rejected for a file that cannot be filmed. A report says so, and of other errors too.
    """
    check_characters(data, refused=("Cs",))
    bucket, name, generation = (str(data.get(key, "")) for key in ("bucket", "name", "generation"))
    if not name or name.endswith("/") or name.startswith(_SETTINGS):
        return None
    if not generation.isascii() or not generation.isdecimal():
        raise Invalid("generation: the event of an object must have its generation, a whole number.")
    if len(name.encode()) > MAX_NAME_BYTES:
        raise Invalid(f"name: {name[:100]}…: a report has no room for more than {MAX_NAME_BYTES} bytes.")
    file = UploadedFile(name, generation)
    job_id = identifiers.job_id("upload", bucket, name, generation)
    job = _find_stored(job_id, services)
    if job is not None:
        report_job(job, services)
        return job
    try:
        prompt = services.inbox.read_prompt(bucket, name, generation)
    except NotFound:
        return None
    try:
        job = _accept(job_id, file, prompt, services)
        report_job(job, services)
    except Exception as error:
        report_failure(file, error, services)
        raise
    return job


def _find_stored(job_id: str, services: Services) -> Job | None:
    """The job that an earlier delivery of the same event has stored, or its tombstone."""
    try:
        job = services.jobs.get_job(job_id).value
    except NotFound:
        return None
    return None if job.tombstone_has_expired(services.clock.now()) else job


def _accept(job_id: str, file: UploadedFile, prompt: UploadedPrompt, services: Services) -> Job:
    check_characters(dict(prompt.metadata))
    noted, ignored = read_metadata(prompt.metadata)
    content = prompt_files.decode(file.name, prompt.data)
    if not isinstance(content, dict):
        return accept_unattended(job_id, content, services)  # refuses it
    preset = read_preset(file.name, services.inbox)
    given = merge_fields(content, noted)
    unset = {name: value for name, value in preset.fields.items() if name not in given or name == "models"}
    notes = [f"metadata: {key[:100]}: no field of a request; not used." for key in ignored]
    notes += [f"{', '.join(unset)}: set by {preset.name}."] if unset else []
    try:
        return accept_unattended(job_id, merge_fields(unset, given), services, replace(file, warnings=tuple(notes)))
    except Rejected as error:
        if unset:
            error.remedy = f"{error.remedy} {notes[-1]}".strip()
        raise
