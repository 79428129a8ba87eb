"""Everything a deployment decides, read once from a mapping. Endpoints and credentials are all that differ locally."""

from collections.abc import Mapping
from dataclasses import dataclass

from promptreel.errors import Broken


@dataclass(frozen=True, slots=True)
class Settings:
    """Where promptreel runs. An empty URL means Google's own endpoint.

    ``pace`` multiplies every production wait (polls, leases, windows, backoff): 1.0 in production.
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
    pace: float = 1.0
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
        optional = "text_location vertex_url tasks_url executions_url signer_url media_url".split()
        values = {field: env.get(f"PROMPTREEL_{field.upper()}", "") for field in (*needed, *optional)}
        faults = [f"PROMPTREEL_{field.upper()} is not set" for field in needed if not values[field]]
        pace = env.get("PROMPTREEL_PACE") or "1"
        try:
            positive = 0 < float(pace) <= 1
        except ValueError:
            positive = False
        if not positive:
            faults.append(f"PROMPTREEL_PACE must be above 0 and at most 1, not {pace!r}")
        if faults:
            raise Broken(f"The deployment is not configured: {'; '.join(faults)}.", code="misconfigured")
        given = {field: value for field, value in values.items() if value}
        return cls(**given, pace=float(pace))
