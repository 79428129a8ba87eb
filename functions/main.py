"""Entry points of the Cloud Functions: one table of steps, and the HTTP API. Nothing is decided here."""

import os
from collections.abc import Callable
from functools import cache
from typing import Any

import flask
import functions_framework

from promptreel.composition import from_environment
from promptreel.http import routes
from promptreel.http.problems import Answer
from promptreel.http.step_handler import Step, respond
from promptreel.logging import handler
from promptreel.usecases.check_continuity import check_continuity
from promptreel.usecases.close_job import close_job
from promptreel.usecases.deliver_webhook import DeliverWebhook, deliver_webhook
from promptreel.usecases.draw_keyframe import DrawKeyframe, draw_keyframe
from promptreel.usecases.draw_sheet import DrawSheet, draw_sheet
from promptreel.usecases.fail_job import FailJob, fail_job
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.open_job import OpenJob, open_job
from promptreel.usecases.poll_clips import poll_clips
from promptreel.usecases.submit_clip import SubmitClip, submit_clip
from promptreel.usecases.sweep_jobs import SweepJobs, sweep_jobs
from promptreel.usecases.write_storyboard import write_storyboard

# ``uses``: what a step may use besides clock and ids. Its account is granted no more (infra/config/access.json).
_ROWS: tuple[Step[Any], ...] = (
    Step("open_job", OpenJob, open_job, uses={"jobs", "artifacts", "inbox", "uploads", "executions"}),
    Step("write_storyboard", JobRun, write_storyboard, uses={"jobs", "artifacts", "text", "deliveries"}),
    Step("draw_sheet", DrawSheet, draw_sheet, uses={"jobs", "artifacts", "images"}),
    Step("draw_keyframe", DrawKeyframe, draw_keyframe, uses={"jobs", "artifacts", "text", "images", "queue"}),
    Step("check_continuity", JobRun, check_continuity, uses={"jobs", "artifacts", "text", "images", "queue"}),
    Step(
        "submit_clip", SubmitClip, submit_clip, uses={"jobs", "artifacts", "text", "video", "deliveries"}, is_task=True
    ),
    Step("poll_clips", JobRun, poll_clips, uses={"jobs", "artifacts", "video", "queue", "deliveries"}),
    Step("close_job", JobRun, close_job, uses={"jobs", "inbox", "deliveries"}),
    Step("fail_job", FailJob, fail_job, uses={"jobs", "inbox", "deliveries"}),
    Step("sweep_jobs", SweepJobs, sweep_jobs, uses={"jobs", "artifacts", "inbox", "video", "executions", "deliveries"}),
    Step("deliver_webhook", DeliverWebhook, deliver_webhook, uses={"jobs", "secrets", "deliveries"}, is_task=True),
)
STEPS = {step.name: step for step in _ROWS}

_API = routes.app(from_environment)
_configure_logging = cache(handler.configure)


def _entry_point(step: Step[Any]) -> Callable[[flask.Request], Answer]:
    """The function that functions-framework finds under the step's name."""

    def run(request: flask.Request) -> Answer:
        _configure_logging(os.environ.get("PROMPTREEL_PROJECT", ""))
        return respond(step, request, from_environment)

    run.__name__ = step.name
    functions_framework.http(run)  # registers the name
    return run


globals().update({name: _entry_point(step) for name, step in STEPS.items()})  # in the place of the imported use cases


@functions_framework.http
def api(request: flask.Request) -> flask.Response:
    """The HTTP API."""
    _configure_logging(os.environ.get("PROMPTREEL_PROJECT", ""))
    with _API.request_context(request.environ):
        return _API.full_dispatch_request()
