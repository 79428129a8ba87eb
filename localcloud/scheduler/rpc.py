"""Cloud Scheduler v1 over gRPC.

As in routes.py, each method only translates between a request and one operation of the service.
"""

from typing import Any

from google.cloud import scheduler_v1

from localcloud.rpc import Method, locations
from localcloud.scheduler import names, wire
from localcloud.scheduler.clockwork import JobRunner
from localcloud.scheduler.service import Service


def services(service: Service, clockwork: JobRunner) -> dict[str, dict[str, Method]]:
    return {
        "google.cloud.scheduler.v1.CloudScheduler": _jobs(service, clockwork),
        **locations(names.location_name, service.locations),
    }


def _jobs(service: Service, clockwork: JobRunner) -> dict[str, Method]:
    def run_job(request: Any) -> Any:
        service.job(request.name)  # NOT_FOUND for one that does not exist
        return clockwork.force(request.name)

    return {
        "CreateJob": (scheduler_v1.CreateJobRequest.pb(), lambda r: service.create_job(r.parent, r.job)),
        "UpdateJob": (scheduler_v1.UpdateJobRequest.pb(), lambda r: service.update_job(r.job, r.update_mask.paths)),
        "GetJob": (scheduler_v1.GetJobRequest.pb(), lambda r: service.job(r.name)),
        "ListJobs": (wire.ListJobsRequest, service.jobs_page),
        "DeleteJob": (scheduler_v1.DeleteJobRequest.pb(), lambda r: service.delete_job(r.name)),
        "PauseJob": (scheduler_v1.PauseJobRequest.pb(), lambda r: service.pause_job(r.name)),
        "ResumeJob": (scheduler_v1.ResumeJobRequest.pb(), lambda r: service.resume_job(r.name)),
        "RunJob": (scheduler_v1.RunJobRequest.pb(), run_job),
    }
