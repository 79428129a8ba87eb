"""What each route of the API takes and may answer; `make docs` writes the OpenAPI document from it (docs/adr/0027)."""

from pydantic import Field

from promptreel.domain.billing import Bill
from promptreel.domain.document import Frozen
from promptreel.domain.edits import PlanEdit
from promptreel.domain.request import Approval, FilmRequest, Resumption, UpgradeRequest
from promptreel.http import documents, webhook_routes
from promptreel.http.event_stream import MEDIA_TYPE as EVENT_STREAM
from promptreel.http.job_list import JobsQuery
from promptreel.http.job_page import MAX_WAIT_S
from promptreel.http.ledger_csv import MEDIA_TYPE as LEDGER_TABLE
from promptreel.http.problem_list import PATH
from promptreel.http.route import Answer, Route
from promptreel.http.style_list import PICTURE_TYPE
from promptreel.usecases.manage_webhooks import WebhookRequest
from promptreel.usecases.offer_upload import UploadRequest


class JobQuery(Frozen):
    """How long the answer may wait."""

    wait: int | None = Field(default=None, ge=0, le=MAX_WAIT_S, description="Seconds to wait for a change of the job.")


_JOB_ID = {"job_id": "$response.body#/id"}
_SAME_JOB = {"job_id": "$request.path.job_id"}
_FOLLOW_JOB = {"get_job": _JOB_ID, "list_events": _JOB_ID, "get_ledger": _JOB_ID, "cancel_job": _JOB_ID}

ROUTES = (
    Route(
        "GET",
        "/healthz",
        "get_health",
        "Say that the API runs.",
        {200: Answer("It runs.", documents.Health)},
        is_public=True,
    ),
    Route(
        "GET",
        "/v1/openapi.json",
        "get_openapi",
        "Get this document.",
        {200: Answer("OpenAPI 3.1.", media_type="application/json")},
        is_public=True,
    ),
    Route(
        "GET",
        PATH,
        "show_problems",
        "Explain every problem, for people.",
        {200: Answer("The page.", media_type="text/html")},
        is_public=True,
    ),
    Route(
        "GET",
        "/v1/models",
        "list_models",
        "List every model, what it can do and costs today, and whether a request may name it.",
        {200: Answer("The models.", documents.ModelList)},
    ),
    Route(
        "GET",
        "/v1/styles",
        "list_styles",
        "List the styles that a request may name.",
        {200: Answer("The styles.", documents.Styles)},
    ),
    Route(
        "GET",
        "/v1/templates",
        "list_templates",
        "List the templates that a request may name.",
        {200: Answer("The templates.", documents.Templates)},
    ),
    Route(
        "GET",
        "/v1/styles/<name>/picture",
        "get_style_picture",
        "Get the picture of a style or template, by its id.",
        {200: Answer("The picture.", media_type=PICTURE_TYPE)},
    ),
    Route(
        "POST",
        "/v1/estimate",
        "estimate_film",
        "Estimate the film of a request, which is checked as a submission is. Nothing is stored or paid.",
        {200: Answer("The estimate.", documents.EstimatedRequest)},
        problems=frozenset({402, 404}),
        body=FilmRequest,
    ),
    Route(
        "POST",
        "/v1/uploads",
        "offer_upload",
        "Get a signed link by which one picture is uploaded, for a request that names it afterwards.",
        {201: Answer("The link.", documents.OfferedUpload)},
        body=UploadRequest,
    ),
    Route(
        "POST",
        "/v1/jobs",
        "submit_job",
        "Submit a request for a film.",
        {202: Answer("The job is stored, and starts.", documents.AcceptedJob, links=_FOLLOW_JOB)},
        problems=frozenset({402, 404, 409, 429}),
        body=FilmRequest,
    ),
    Route(
        "GET",
        "/v1/jobs",
        "list_jobs",
        "List jobs, newest first.",
        {200: Answer("A page of jobs.", documents.JobPage)},
        query=JobsQuery,
    ),
    Route(
        "GET",
        "/v1/jobs/<job_id>",
        "get_job",
        "Get everything about a job, with signed links to its files.",
        {200: Answer("The job.", documents.JobDetail)},
        query=JobQuery,
    ),
    Route(
        "DELETE",
        "/v1/jobs/<job_id>",
        "delete_job",
        "Delete a job, running or not, and everything that it owns.",
        {
            202: Answer("What it owns is being removed.", documents.DeletedJob, links={"delete_job": _JOB_ID}),
            204: Answer("It is deleted."),
        },
    ),
    Route(
        "GET",
        "/v1/jobs/<job_id>/ledger",
        "get_ledger",
        "Get every paid call of a job, and what they count together.",
        {200: Answer("The ledger.", documents.Ledger, media_type=LEDGER_TABLE)},
    ),
    Route(
        "GET",
        "/v1/jobs/<job_id>/events",
        "list_events",
        "List the events of a job so far, oldest first; as a stream also those to come.",
        {200: Answer("The events.", documents.JobEvents, media_type=EVENT_STREAM)},
        headers={"Last-Event-ID": "The last event that was received: the stream goes on after it."},
    ),
    Route(
        "POST",
        "/v1/jobs/<job_id>/ledger:reconcile",
        "reconcile_ledger",
        "Compare the ledger with a billing export; with `apply`, release calls that were never billed.",
        {200: Answer("The comparison.", documents.Reconciliation)},
        body=Bill,
    ),
    Route(
        "POST",
        "/v1/jobs/<job_id>:cancel",
        "cancel_job",
        "Cancel a job: nothing more is made or paid for it. It can be resumed.",
        {200: Answer("The job.", documents.JobSummary, links={"get_job": _SAME_JOB, "resume_job": _SAME_JOB})},
        problems=frozenset({409}),
    ),
    Route(
        "PATCH",
        "/v1/jobs/<job_id>/plan",
        "edit_plan",
        "Change the plan of a job that waits before its clips; the answer says what is redone.",
        {200: Answer("What is redone.", documents.EditedPlan, links={"get_job": _SAME_JOB})},
        problems=frozenset({402, 409}),
        body=PlanEdit,
    ),
    Route(
        "POST",
        "/v1/jobs/<job_id>:approve",
        "approve_job",
        "Let a job pass the gate at which it waits; `gate` and `revision` say what was looked at.",
        {202: Answer("The job goes on.", documents.JobSummary, links={"get_job": _SAME_JOB})},
        problems=frozenset({409}),
        body=Approval,
        is_body_optional=True,
    ),
    Route(
        "POST",
        "/v1/jobs/<job_id>:resume",
        "resume_job",
        "Continue a failed or cancelled job; `budget_usd` sets a new limit.",
        {202: Answer("The job goes on.", documents.JobSummary, links={"get_job": _SAME_JOB})},
        problems=frozenset({402, 409}),
        body=Resumption,
        is_body_optional=True,
    ),
    Route(
        "POST",
        "/v1/jobs/<job_id>:upgrade",
        "upgrade_job",
        "Make a finished film again, by a better model or larger, as a new job.",
        {202: Answer("The new job is stored, and starts.", documents.AcceptedJob, links=_FOLLOW_JOB)},
        problems=frozenset({402, 409, 429}),
        body=UpgradeRequest,
    ),
    Route(
        "GET",
        "/v1/uploads/<upload_id>",
        "inspect_upload",
        "Look at an uploaded picture by decoding it.",
        {200: Answer("What it is.", documents.InspectedUpload)},
    ),
    Route(
        "GET",
        "/v1/jobs/<job_id>/archive",
        "get_archive",
        "Get a job and all its files as one ZIP archive.",
        {200: Answer("The archive.", media_type="application/zip")},
        problems=frozenset({409}),
    ),
    Route(
        "POST",
        "/v1/webhooks",
        "register_webhook",
        "Register an https address for events.",
        {201: Answer("The webhook.", webhook_routes.RegisteredWebhook)},
        body=WebhookRequest,
    ),
    Route(
        "GET",
        "/v1/webhooks",
        "list_webhooks",
        "List the caller's webhooks.",
        {200: Answer("The webhooks.", webhook_routes.WebhookList)},
    ),
    Route(
        "POST",
        "/v1/webhooks:rotate",
        "rotate_webhook_secret",
        "Make a new signing secret; for a day the one before signs as well.",
        {200: Answer("The secret.", webhook_routes.RotatedSecret)},
        problems=frozenset({404, 409}),
    ),
    Route(
        "DELETE", "/v1/webhooks/<webhook_id>", "delete_webhook", "Remove a webhook.", {204: Answer("It is removed.")}
    ),
    Route(
        "POST",
        "/v1/webhooks/<webhook_id>:test",
        "send_test_webhook",
        "Send one event of type `webhook.test` now, and say how the receiver answered.",
        {200: Answer("The receiver's answer.", webhook_routes.WebhookTest)},
    ),
    Route(
        "GET",
        "/v1/jobs/<job_id>/deliveries",
        "list_deliveries",
        "List the events of a job that were or are to be delivered, and every attempt.",
        {200: Answer("The deliveries.", webhook_routes.DeliveryList)},
    ),
)
