"""Replicate's paths under /v1, and the files under /_delivery: who may call, what is refused, what is answered.

A create is checked in this order: token, model, rate, body, inputs, credit; then the faults of a call that was not
accepted come, then it is accepted.
"""

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from localcloud.replicate import faults, limits, problems, schema, webhooks, wire
from localcloud.replicate.outputs import PATH as OUTPUTS_PATH
from localcloud.replicate.outputs import Outputs
from localcloud.replicate.predictions import CreateRequest, Predictions
from localcloud.replicate.problems import ApiProblem
from localcloud.replicate.registry import PredictionModel
from localcloud.replicate.site import Site
from localcloud.replicate.store import Prediction
from localcloud.replicate.views import show_model, show_prediction
from localcloud.vertex.faults import Hits
from localcloud.vertex.requests import ConnectionCutError

_PAGE = 100
_HANG_S = 3600.0  # longer than any client waits

Handler = Callable[[Request], Awaitable[Response]]


class Api:
    def __init__(self, site: Site, predictions: Predictions) -> None:
        self._site = site
        self._predictions = predictions
        self._outputs = Outputs(site)

    def routes(self) -> list[Route]:
        return [
            self._route("/models/{owner}/{name}/predictions", self.create_with_model, "POST"),
            self._route("/models/{owner}/{name}", self.get_model),
            self._route("/predictions", self.create, "POST"),
            self._route("/predictions", self.list_predictions),
            self._route("/predictions/{id}", self.get),
            self._route("/predictions/{id}/cancel", self.cancel, "POST"),
            self._route("/webhooks/default/secret", self.webhook_secret),
            Route(f"{OUTPUTS_PATH}/{{token}}/{{id}}/output.mp4", self.download),
        ]

    def _route(self, path: str, handler: Handler, method: str = "GET") -> Route:
        async def endpoint(request: Request) -> Response:
            request.state.limits = {}
            self._outputs.remove_expired()
            try:
                self._authenticate(request)
                if not handler.__name__.startswith("create"):
                    self._take(request, "other", limits.OTHERS)
                response = await handler(request)
            except limits.ThrottledError as problem:
                request.state.limits = problem.headers
                response = JSONResponse(problem.body(), problem.status)
            except ApiProblem as problem:
                response = JSONResponse(problem.body(), problem.status)
            response.headers.update(request.state.limits)
            return response

        return Route(f"/v1{path}", endpoint, methods=[method])

    # Creating.

    async def create_with_model(self, request: Request) -> Response:
        """POST /v1/models/{owner}/{name}/predictions."""
        model = self._site.models.get(f"{request.path_params['owner']}/{request.path_params['name']}")
        if model is None:
            raise problems.not_found()
        self._take_create(request, model)
        body = await wire.read_body(request)
        wire.refuse(schema.check_body(body, with_version=False))
        return await self._create(request, model, body, "models.predictions.create")

    async def create(self, request: Request) -> Response:
        """POST /v1/predictions: the model goes by its version, or by its name."""
        body = await wire.read_body(request)
        model = self._find_version(body.get("version"))
        self._take_create(request, model)
        wire.refuse(schema.check_body(body, with_version=True))
        if model is None:
            raise problems.invalid_version()
        return await self._create(request, model, body, "predictions.create")

    def _find_version(self, version: Any) -> PredictionModel | None:
        for model in self._site.models.values():
            if version in (model.id, model.version, f"{model.id}:{model.version}"):
                return model
        return None

    async def _create(self, request: Request, model: PredictionModel, body: Mapping[str, Any], method: str) -> Response:
        wire.refuse(schema.check_input(model, body["input"]))
        wire.check_webhook(body.get("webhook"))
        lifetime_s, wait_s = wire.read_lifetime_s(request), wire.read_wait_s(request)
        limits.check_credit(self._site.credit_micros)
        hits = self._meet_faults(model.id, method, faults.CREATE)
        create = CreateRequest(
            model=model,
            input=dict(body["input"]),
            method=method,
            webhook=body.get("webhook"),
            events=tuple(body["webhook_events_filter"]) if "webhook_events_filter" in body else None,
            lifetime_s=lifetime_s,
        )
        prediction = self._predictions.accept(create, hits)
        headers = {}
        if wait_s is not None:
            prediction = await self._predictions.wait_for(prediction.id, wait_s)
            headers["Preference-Applied"] = request.headers["prefer"]
        response = await self._answer(request, hits, self._show(prediction), 201, prediction.ledger_n)
        response.headers.update(headers)
        return response

    # Reading and cancelling.

    async def get(self, request: Request) -> Response:
        """GET /v1/predictions/{id}."""
        prediction = self._find(request)
        hits = self._meet_faults(prediction.model, "predictions.get", faults.READ)
        return await self._answer(request, hits, self._show(prediction))

    async def cancel(self, request: Request) -> Response:
        """POST /v1/predictions/{id}/cancel; what has ended stays as it ended."""
        prediction = self._find(request)
        hits = self._meet_faults(prediction.model, "predictions.cancel", faults.READ)
        return await self._answer(request, hits, self._show(await self._predictions.cancel(prediction)))

    async def list_predictions(self, request: Request) -> Response:
        """GET /v1/predictions: whole predictions, newest first, 100 a page."""
        query = request.query_params
        window = (
            wire.read_moment_s(query, "created_after", 0.0),
            wire.read_moment_s(query, "created_before", float("inf")),
        )
        before_n, after_n = wire.read_cursor(query.get("cursor"))
        hits = self._meet_faults("", "predictions.list", faults.READ)
        if query.get("source") == "web":  # all predictions of a stand-in come from the API
            return await self._answer(request, hits, {"next": None, "previous": None, "results": []})
        rows = self._site.store.listed(before_n=before_n, after_n=after_n, window=window, count=_PAGE + 1)
        page = rows[-_PAGE:] if after_n is not None else rows[:_PAGE]
        older = self._neighbour(page[-1][0] if page else before_n, None, window)
        newer = self._neighbour(None, page[0][0] if page else after_n, window)
        body = {
            "next": self._page_url(query, f"p={page[-1][0]}") if page and older else None,
            "previous": self._page_url(query, f"r=1&p={page[0][0]}") if page and newer else None,
            "results": [self._show(prediction) for _, prediction in page],
        }
        return await self._answer(request, hits, body)

    def _neighbour(self, before_n: int | None, after_n: int | None, window: tuple[float, float]) -> bool:
        return bool(self._site.store.listed(before_n=before_n, after_n=after_n, window=window, count=1))

    def _page_url(self, query: Mapping[str, str], cursor: str) -> str:
        kept = {name: query[name] for name in ("created_after", "created_before") if name in query}
        encoded = base64.urlsafe_b64encode(cursor.encode()).decode()
        return f"{self._site.base_url}/v1/predictions?{urlencode({'cursor': encoded, **kept})}"

    async def get_model(self, request: Request) -> Response:
        """GET /v1/models/{owner}/{name}."""
        model = self._site.models.get(f"{request.path_params['owner']}/{request.path_params['name']}")
        if model is None:
            raise problems.not_found()
        hits = self._meet_faults(model.id, "models.get", faults.READ)
        return await self._answer(request, hits, show_model(model))

    async def webhook_secret(self, request: Request) -> Response:
        """GET /v1/webhooks/default/secret."""
        hits = self._meet_faults("", "webhooks.default.secret.get", faults.READ)
        return await self._answer(request, hits, {"key": webhooks.secret(self._site.store.webhook_key())})

    async def download(self, request: Request) -> Response:
        """A file that a prediction gave out; any caller that knows its URL may read it."""
        self._outputs.remove_expired()
        prediction = self._site.store.prediction(request.path_params["id"])
        try:
            hits = self._meet_faults(prediction.model if prediction else "", "download", faults.DOWNLOAD)
        except ApiProblem as problem:
            return PlainTextResponse(problem.detail, problem.status)
        if (args := hits.get("hang")) is not None:
            await asyncio.sleep(float(args.get("s", _HANG_S)))
        if "output_expired" in hits:
            return PlainTextResponse("not found", 404)
        return self._outputs.answer(f"{self._site.base_url}{request.url.path}", request.path_params["id"])

    # What all of them do.

    def _authenticate(self, request: Request) -> None:
        found = re.fullmatch(r"Bearer (\S+)", request.headers.get("authorization", ""))
        if found is None or (self._site.token is not None and found[1] != self._site.token):
            raise problems.unauthenticated(missing="authorization" not in request.headers)

    def _take_create(self, request: Request, model: PredictionModel | None) -> None:
        ordered = self._site.profile.quota(model.id) if model else None
        what = f"create {model.id}" if model and ordered is not None else "create"
        self._take(request, what, limits.create_limit(ordered, self._site.credit_micros))

    def _take(self, request: Request, what: str, limit: limits.Limit) -> None:
        request.state.limits = self._site.throttle.take(what, limit, self._site.minute_s).headers()

    def _find(self, request: Request) -> Prediction:
        prediction = self._site.store.prediction(request.path_params["id"])
        if prediction is None:
            raise problems.not_found()
        return prediction

    def _show(self, prediction: Prediction) -> dict[str, Any]:
        return show_prediction(prediction, self._site.base_url)

    def _meet_faults(self, model_id: str, method: str, kind: str) -> Hits:
        """The faults of this call; those before acceptance happen here.

        Raises: ApiProblem, ConnectionCutError.
        """
        hits = self._site.strike(model_id, method, kind)
        if (args := hits.get("status")) is not None:
            raise _ordered_problem(args)
        if "reset_before" in hits:
            raise ConnectionCutError
        return hits

    async def _answer(
        self, request: Request, hits: Hits, body: Any, status: int = 200, ledger_n: int | None = None
    ) -> Response:
        """Answer an accepted call, unless a fault loses the answer. Raises: ConnectionCutError."""
        if "reset_after" in hits:
            raise ConnectionCutError
        if (args := hits.get("hang")) is not None:
            await asyncio.sleep(float(args.get("s", _HANG_S)))
        if ledger_n is not None and not await request.is_disconnected():
            self._site.store.ledger.answered(ledger_n)
        return JSONResponse(body, status)


def _ordered_problem(args: Mapping[str, Any]) -> ApiProblem:
    """What a status fault answers: the service's words for the status, or those of the order."""
    status = int(args.get("code", 503))
    usual: Mapping[int, ApiProblem] = {
        401: problems.unauthenticated(missing=False),
        402: problems.insufficient_credit(),
        404: problems.not_found(),
        429: limits.ThrottledError(int(args.get("s", 1)), low_credit=False),
    }
    if status in usual and not {"detail", "title"} & args.keys():
        return usual[status]
    return ApiProblem(status, str(args.get("detail", "Internal server error")), str(args.get("title", "")))
