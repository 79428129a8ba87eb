"""Everything a deployment decides, read once from a mapping. Endpoints and credentials are all that differ locally."""

from collections.abc import Mapping
from dataclasses import dataclass

from promptreel.errors import Broken


@dataclass(frozen=True, slots=True)
class Settings:
    """Where promptreel runs. An empty URL means Google's own endpoint.

    ``operators`` are e-mail addresses, and groups as ``group:ADDRESS``, who see and stop everybody's jobs.
    ``pace`` multiplies every production wait (polls, leases, windows, backoff): 1.0 in production. ``keep_days`` is how
    long a job and all it owns are kept. ``iap_audience`` is set where Identity-Aware Proxy lets people in.
    """

    project: str
    region: str
    database: str
    artifacts_bucket: str
    prompts_bucket: str
    results_bucket: str
    workflow: str
    submit_clip_url: str
    tasks_account: str
    text_location: str = "global"
    veo_location: str = "us-central1"
    iap_audience: str = ""
    operators: tuple[str, ...] = ()
    pace: float = 1.0
    keep_days: float = 90.0
    vertex_url: str = ""
    tasks_url: str = ""
    executions_url: str = ""
    signer_url: str = ""
    media_url: str = ""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read ``PROMPTREEL_*``. Raises: Broken naming everything that is missing or wrong at once."""
        needed = (
            "project region database artifacts_bucket prompts_bucket results_bucket workflow submit_clip_url "
            "tasks_account"
        ).split()
        optional = (
            "text_location veo_location iap_audience vertex_url tasks_url executions_url signer_url media_url".split()
        )
        values = {field: env.get(f"PROMPTREEL_{field.upper()}", "") for field in (*needed, *optional)}
        faults = [f"PROMPTREEL_{field.upper()} is not set" for field in needed if not values[field]]
        pace = _number(env, "PROMPTREEL_PACE", 1.0, 1, faults)
        keep_days = _number(env, "PROMPTREEL_KEEP_DAYS", 90.0, 36_500, faults)
        if faults:
            raise Broken(f"The deployment is not configured: {'; '.join(faults)}.", code="misconfigured")
        given = {field: value for field, value in values.items() if value}
        operators = tuple(filter(None, (entry.strip() for entry in env.get("PROMPTREEL_OPERATORS", "").split(","))))
        return cls(**given, operators=operators, pace=pace, keep_days=keep_days)


def _number(env: Mapping[str, str], name: str, default: float, most: float, faults: list[str]) -> float:
    text = env.get(name) or str(default)
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= most:
        faults.append(f"{name} must be above 0 and at most {most:g}, not {text!r}")
    return number
