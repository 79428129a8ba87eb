"""Cloud Scheduler's own message types."""

from google.cloud import scheduler_v1

# The plain protobuf classes: no wrapping cost per field.
Job = scheduler_v1.Job.pb()
ListJobsRequest = scheduler_v1.ListJobsRequest.pb()
ListJobsResponse = scheduler_v1.ListJobsResponse.pb()
HttpMethod = scheduler_v1.HttpMethod

ENABLED = int(scheduler_v1.Job.State.ENABLED)
PAUSED = int(scheduler_v1.Job.State.PAUSED)
