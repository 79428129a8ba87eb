"""Which model makes the attempt after one that failed: the same, its successor, or none."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from promptreel.domain import remedies
from promptreel.domain.job import Job
from promptreel.domain.ledger import Call
from promptreel.domain.models import ImageModel, TextModel, registry
from promptreel.errors import Misconfigured

M = TypeVar("M", TextModel, ImageModel)


def next_model(job: Job, model: M, failed: Call, find: Callable[[str], M]) -> M:
    """The model for the text or picture whose attempt by `model` failed.

    It follows from the calls alone, so that a repeated step finds its earlier calls. A failure from before a person
    resumed the job is given another attempt.

    Args:
        job: The job whose call it was.
        model: The model of the failed call.
        failed: The call, which ended without output.
        find: Looks a model up by its id.

    Returns:
        The same model when it can be used, else its successor.

    Raises:
        Misconfigured: No model that the registry names can be used.
    """
    remedy = remedies.remedy(failed.codes)
    if not remedy.stops_the_job:
        return model
    if "successor" in remedy.steps and model.replaced_by:
        return find(model.replaced_by)
    if not job.counts(failed.updated):
        return model
    raise Misconfigured(
        f"{failed.purpose}: {model.id} cannot be used: {failed.reason}", code=remedy.problem, remedy=remedy.advice
    )


def replacement_warnings(calls: Iterable[Call]) -> tuple[str, ...]:
    """One sentence for each model that could not be used and was replaced, for the film's owner."""
    reasons = {call.model: call.reason for call in calls if "successor" in remedies.remedy(call.codes).steps}
    return tuple(
        f"{model} could not be used; its successor took its place: {registry().successor_of(model)}. {reason}"
        for model, reason in reasons.items()
    )
