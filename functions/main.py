"""Entry points of the Cloud Functions: a name, a command, a step. Nothing here decides anything."""

import json
import os
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import flask
import functions_framework

from promptreel.http import routes
from promptreel.http.step_handler import answer, for_one_task
from promptreel.logging import handler
from promptreel.services import from_environment
from promptreel.usecases.close_job import CloseJob
from promptreel.usecases.draw_keyframe import DrawKeyframe
from promptreel.usecases.fail_job import FailJob
from promptreel.usecases.open_job import OpenJob
from promptreel.usecases.poll_clips import PollClips
from promptreel.usecases.submit_clip import SubmitClip
from promptreel.usecases.sweep_jobs import SweepJobs
from promptreel.usecases.write_storyboard import WriteStoryboard

handler.configure(os.environ.get("PROMPTREEL_PROJECT", ""))

C = TypeVar("C")


@functions_framework.http
def open_job(request: flask.Request) -> flask.Response:
    return _step(request, "open_job", OpenJob, lambda cmd: from_environment().open_job(cmd))


@functions_framework.http
def write_storyboard(request: flask.Request) -> flask.Response:
    return _step(request, "write_storyboard", WriteStoryboard, lambda cmd: from_environment().write_storyboard(cmd))


@functions_framework.http
def draw_keyframe(request: flask.Request) -> flask.Response:
    return _step(request, "draw_keyframe", DrawKeyframe, lambda cmd: from_environment().draw_keyframe(cmd))


@functions_framework.http
def submit_clip(request: flask.Request) -> flask.Response:
    return _step(request, "submit_clip", SubmitClip, for_one_task(lambda cmd: from_environment().submit_clip(cmd)))


@functions_framework.http
def poll_clips(request: flask.Request) -> flask.Response:
    return _step(request, "poll_clips", PollClips, lambda cmd: from_environment().poll_clips(cmd))


@functions_framework.http
def close_job(request: flask.Request) -> flask.Response:
    return _step(request, "close_job", CloseJob, lambda cmd: from_environment().close_job(cmd))


@functions_framework.http
def fail_job(request: flask.Request) -> flask.Response:
    return _step(request, "fail_job", FailJob, lambda cmd: from_environment().fail_job(cmd))


@functions_framework.http
def sweep_jobs(request: flask.Request) -> flask.Response:
    return _step(request, "sweep_jobs", SweepJobs, lambda cmd: from_environment().sweep_jobs(cmd))


@functions_framework.http
def api(request: flask.Request) -> flask.Response:
    with _api().request_context(request.environ):
        return _api().full_dispatch_request()


@cache
def _api() -> flask.Flask:
    return routes.app(from_environment)


def _step(request: flask.Request, name: str, command: type[C], run: Callable[[C], Any]) -> flask.Response:
    trace = request.headers.get("X-Cloud-Trace-Context", "").partition("/")[0]
    execution = request.headers.get("X-Promptreel-Execution", "")
    body, status, headers = answer(name, request.get_json(silent=True), command, run, trace, execution)
    return flask.Response(json.dumps(body), status, headers)
