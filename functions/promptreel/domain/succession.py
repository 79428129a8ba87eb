"""Which model makes the attempt after one that failed: the same, its successor, or none."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from promptreel.domain import remedies
from promptreel.domain.call import Call
from promptreel.domain.job import Job
from promptreel.domain.models import ImageModel, TextModel, registry
from promptreel.errors import Misconfigured

M = TypeVar("M", TextModel, ImageModel)


def choose_next_model(job: Job, model: M, failed: Call, find: Callable[[str], M]) -> M:
    """The model for the text or image whose attempt by `model` failed.

    It follows from the calls alone, so that a repeated step finds its earlier calls. A failure from before a person
    resumed the job is given another attempt. ``find`` looks a model up by its id.

    Raises: Misconfigured when no model that the registry names can be used.
    """
    remedy = remedies.find_remedy(failed.codes)
    if not remedy.stops_the_job:
        return model
    if "successor" in remedy.steps and model.replaced_by:
        return find(model.replaced_by)
    if not job.counts_toward_limit(failed.updated):
        return model
    raise Misconfigured(
        f"{failed.purpose}: {describe_model(failed)} cannot be used: {failed.reason}",
        code=remedy.problem,
        remedy=remedy.advice,
    )


def describe_model(failed: Call) -> str:
    """The name of a failed call's model; with its announced retirement when the provider does not offer it."""
    model = registry().model(failed.model)
    if model and model.retires_not_before and remedies.MODEL_UNAVAILABLE in failed.codes:
        return f"{model.id} (to be retired on {model.retires_not_before} at the earliest)"
    return failed.model


def replacement_warnings(calls: Iterable[Call]) -> tuple[str, ...]:
    """One sentence for each model that could not be used and was replaced, for the film's owner."""
    failed = {call.model: call for call in calls if "successor" in remedies.find_remedy(call.codes).steps}
    models = ((call, registry().model(model_id)) for model_id, call in failed.items())
    return tuple(
        f"{describe_model(call)} could not be used; {model.replaced_by} took its place: {call.reason}"
        for call, model in models
        if model and model.replaced_by
    )
