"""Google's propagation delays: refusals because another resource is too new. Time passes only while Terraform waits."""

import re
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any

METRIC_S = 600
"""How long alert policies and goals may not find a new log metric: "up to 10 minutes", as the API says."""
GRANT_S = 60
"""How long the provider's own sample of a function with its own build account waits for the account's grants."""

_LOG_METRIC = re.compile(r"logging\.googleapis\.com/user/([\w/]+)")


class Cloud:
    """The creation times of resources, across the commands of one deployment."""

    def __init__(self) -> None:
        self._now_s = 0
        self._metrics: dict[str, int] = {}
        self._grants: dict[tuple[str, str], int] = {}
        self._lock = Lock()

    def apply(self, kind: str, prior: Mapping[str, Any] | None, planned: Mapping[str, Any] | None) -> str:
        """Record a change; return why Google refuses it, or an empty text."""
        with self._lock:
            if planned is None:
                return ""
            if kind == "time_sleep" and prior is None:
                self._now_s += int(str(planned.get("create_duration") or "0s").removesuffix("s"))
            elif kind == "google_logging_metric":
                self._metrics.setdefault(planned["name"], self._now_s)
            elif kind.endswith("_iam_member"):
                self._grants.setdefault((str(planned.get("member")), f"{kind} {planned.get('role')}"), self._now_s)
            return next(self._faults(kind, planned), "") if prior is None else ""

    def _faults(self, kind: str, planned: Mapping[str, Any]) -> Iterator[str]:
        if kind in {"google_monitoring_alert_policy", "google_monitoring_slo"}:
            for name in sorted(set(_queried_metrics(planned))):
                if self._now_s - self._metrics.get(name, self._now_s) < METRIC_S:
                    yield f"404: Cannot find metric(s) that match type = {name!r}; it could take up to 10 minutes"
        if kind == "google_cloudfunctions2_function":
            yield from self._check_grants_age(
                str(planned["build_config"][0]["service_account"]).rpartition("/")[2], "build"
            )
        if kind == "google_eventarc_trigger":
            yield from self._check_grants_age(str(planned["service_account"]), "trigger")

    def _check_grants_age(self, account: str, what: str) -> Iterator[str]:
        ages = [self._now_s - made for (member, _), made in self._grants.items() if member.endswith(f":{account}")]
        if not ages or min(ages) < GRANT_S:
            yield f"403: the {what}'s account {account} got its last grant {min(ages, default=0)} s ago"


def _queried_metrics(value: Any) -> Iterator[str]:
    """Log-based metrics in filters; Google does not validate those of PromQL."""
    if isinstance(value, str):
        yield from _LOG_METRIC.findall(value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name != "condition_prometheus_query_language":
                yield from _queried_metrics(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _queried_metrics(inner)
