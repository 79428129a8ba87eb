"""Logs are events: one JSON object a line, as Cloud Logging reads them. Never a prompt, never a signed URL."""

import json
import logging


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        event = {"severity": record.levelname, "message": record.getMessage(), "logger": record.name}
        event |= getattr(record, "json_fields", {})
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return json.dumps(event, default=str)


def configure() -> None:
    """Send everything from INFO on to stderr as JSON lines; HTTP libraries speak only of trouble."""
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for chatty in ("httpx2", "httpx", "google_genai", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
