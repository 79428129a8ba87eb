"""Log lines as Cloud Logging reads them: one JSON object a line on stdout, each with the trace of its job.

Workflows hands no trace on, so a job's trace is made from its id (docs/adr/0005): every process
that works for a job writes into the same one. The execution is a label, under the name that the Console's page queries.
"""

import copy
import logging
import sys
import traceback

from google.cloud.logging_v2.handlers import StructuredLogHandler

from promptreel.domain import identifiers
from promptreel.logging.events import current_context

EXECUTION_LABEL = "workflows.googleapis.com/execution_id"
CHATTY = ("httpx2", "httpx", "google_genai", "urllib3")


class JobLines(StructuredLogHandler):
    """Google's handler, which adds the log context to every line."""

    def handle(self, record: logging.LogRecord) -> bool:
        """Write the record with the fields of the log context, its trace and its label."""
        line, fields = copy.copy(record), {**current_context.get(), **getattr(record, "json_fields", {})}
        if record.exc_info:  # a field, where Error Reporting looks: the message stays one that can be counted
            fields["stack_trace"] = "".join(traceback.format_exception(*record.exc_info))
            line.exc_info = line.exc_text = None
        execution, job = fields.pop("execution_id", None), fields.get("job_id")
        if isinstance(job, str) and self.project_id:
            line.trace = f"projects/{self.project_id}/traces/{identifiers.trace_id(job)}"
        if execution:
            line.labels = {EXECUTION_LABEL: str(execution)}
        line.json_fields = fields
        line.http_request = None  # Cloud Run's own request log has it
        return bool(super().handle(line))

    def emit_instrumentation_info(self) -> None:
        """Nothing: the library's line about itself would stand in every log, twice."""


def configure(project: str) -> None:
    """Send everything from INFO on to stdout as JSON lines; HTTP libraries speak only of trouble.

    Without a project (a test, a script) lines carry no trace.
    """
    handler = JobLines(stream=sys.stdout, project_id=project)  # type: ignore[no-untyped-call]
    root = logging.getLogger()
    root.handlers[:] = [handler]  # not by basicConfig, which would put level and logger into every message
    root.setLevel(logging.INFO)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
