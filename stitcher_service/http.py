"""The stitcher over HTTP: ``POST /film /still /animatic /preview``, called by the workflow and by tasks alone."""

from collections.abc import Callable
from typing import Any

from flask import Flask, jsonify, request

from promptreel.http.problems import Answer
from promptreel.http.step_handler import Action, respond
from stitcher_service.jobs.previews import MakeStill, make_animatic, make_preview, make_still
from stitcher_service.jobs.renders import RenderRequest
from stitcher_service.jobs.services import StitcherServices
from stitcher_service.jobs.stitch_film import stitch_film

MAX_BODY_BYTES = 10_000

_ACTIONS: dict[str, Action[Any, StitcherServices]] = {
    "/film": Action("stitch", RenderRequest, stitch_film),
    "/animatic": Action("animatic", RenderRequest, make_animatic),
    "/preview": Action("preview", RenderRequest, make_preview),
    "/still": Action("still", MakeStill, make_still),
}


def create_app(get_services: Callable[[], StitcherServices]) -> Flask:
    """The web application; `get_services` is called at every request."""
    app = Flask("stitcher", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES

    def view(action: Action[Any, StitcherServices]) -> Callable[[], Answer]:
        return lambda: respond(action, request, get_services)

    app.add_url_rule("/healthz", "healthz", lambda: jsonify({"status": "ok"}))
    for path, action in _ACTIONS.items():
        app.add_url_rule(path, action.name, view(action), methods=["POST"])
    return app
