"""Cloud Scheduler v1 over REST and gRPC; each handler only translates between a request and one operation."""

from collections.abc import Callable
from typing import Any

from google.cloud import scheduler_v1
from google.protobuf.field_mask_pb2 import FieldMask  # type: ignore[attr-defined]
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.resources import from_json, to_json
from localcloud.rest import location_resource, page_fields, read_json
from localcloud.rpc import Method, locations
from localcloud.scheduler import jobs
from localcloud.scheduler.job_runner import JobRunner
from localcloud.scheduler.service import Service
from localcloud.serving import ApiError

_LOCATIONS = "/v1/projects/{project}/locations"
_LOCATION = _LOCATIONS + "/{location}"
_JOBS = _LOCATION + "/jobs"
_JOB = _JOBS + "/{job}"


class Routes:
    def __init__(self, service: Service, clockwork: JobRunner) -> None:
        self._service = service
        self._clockwork = clockwork

    def all(self) -> list[Route]:
        def job_verb(verb: str, act: Callable[[str], Any]) -> Route:
            async def handle(request: Request) -> Response:
                return JSONResponse(to_json(act(_name(request).removesuffix(f":{verb}"))))

            return Route(f"{_JOB}:{verb}", handle, methods=["POST"])

        # Paths with a verb come first: a bare {job} would swallow "name:verb".
        return [
            job_verb("pause", self._service.pause_job),
            job_verb("resume", self._service.resume_job),
            job_verb("run", self.run_job),
            Route(_JOBS, self.create_job, methods=["POST"]),
            Route(_JOBS, self.list_jobs, methods=["GET"]),
            Route(_JOB, self.get_job, methods=["GET"]),
            Route(_JOB, self.update_job, methods=["PATCH"]),
            Route(_JOB, self.delete_job, methods=["DELETE"]),
            Route(_LOCATION, self.get_location, methods=["GET"]),
            Route(_LOCATIONS, self.list_locations, methods=["GET"]),
        ]

    def run_job(self, name: str) -> Any:
        self._service.job(name)  # 404 for one that does not exist
        return self._clockwork.force(name)

    async def create_job(self, request: Request) -> Response:
        job = from_json(await read_json(request), jobs.Job)
        return JSONResponse(to_json(self._service.create_job(_name(request).removesuffix("/jobs"), job)))

    async def update_job(self, request: Request) -> Response:
        job = from_json(await read_json(request), jobs.Job)
        job.name = _name(request)
        return JSONResponse(to_json(self._service.update_job(job, _mask(request))))

    async def get_job(self, request: Request) -> Response:
        return JSONResponse(to_json(self._service.job(_name(request))))

    async def list_jobs(self, request: Request) -> Response:
        message = jobs.ListJobsRequest(parent=_name(request).removesuffix("/jobs"), **page_fields(request))
        return JSONResponse(to_json(self._service.jobs_page(message)))

    async def delete_job(self, request: Request) -> Response:
        self._service.delete_job(_name(request))
        return JSONResponse({})

    async def get_location(self, request: Request) -> Response:
        return JSONResponse(location_resource(jobs.location_name(_name(request))))

    async def list_locations(self, request: Request) -> Response:
        found = self._service.locations(_name(request).removesuffix("/locations"))
        return JSONResponse({"locations": [location_resource(name) for name in found]})


def _name(request: Request) -> str:
    return request.url.path.removeprefix("/v1/")


def _mask(request: Request) -> list[str]:
    """The update mask, whose JSON form is in camel case; protobuf's own names are let through, as Google does."""
    mask = FieldMask()
    try:
        mask.FromJsonString(request.query_params.get("updateMask", ""))
    except ValueError as exc:
        raise ApiError(400, f"Invalid value at 'update_mask': {exc}") from exc
    return list(mask.paths)


def services(service: Service, clockwork: JobRunner) -> dict[str, dict[str, Method]]:
    return {
        "google.cloud.scheduler.v1.CloudScheduler": _jobs(service, clockwork),
        **locations(jobs.location_name, service.locations),
    }


def _jobs(service: Service, clockwork: JobRunner) -> dict[str, Method]:
    def run_job(request: Any) -> Any:
        service.job(request.name)  # NOT_FOUND for one that does not exist
        return clockwork.force(request.name)

    return {
        "CreateJob": (scheduler_v1.CreateJobRequest.pb(), lambda r: service.create_job(r.parent, r.job)),
        "UpdateJob": (scheduler_v1.UpdateJobRequest.pb(), lambda r: service.update_job(r.job, r.update_mask.paths)),
        "GetJob": (scheduler_v1.GetJobRequest.pb(), lambda r: service.job(r.name)),
        "ListJobs": (jobs.ListJobsRequest, service.jobs_page),
        "DeleteJob": (scheduler_v1.DeleteJobRequest.pb(), lambda r: service.delete_job(r.name)),
        "PauseJob": (scheduler_v1.PauseJobRequest.pb(), lambda r: service.pause_job(r.name)),
        "ResumeJob": (scheduler_v1.ResumeJobRequest.pb(), lambda r: service.resume_job(r.name)),
        "RunJob": (scheduler_v1.RunJobRequest.pb(), run_job),
    }
