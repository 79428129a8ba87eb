"""Everything a deployment decides, read once from the environment. Locally only endpoints and credentials differ."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields

from promptreel.errors import Broken


@dataclass(frozen=True, slots=True)
class Settings:
    """Where promptreel runs. An empty URL means Google's own endpoint.

    ``operators`` are e-mail addresses, and groups as ``group:ADDRESS``, who see and stop the jobs of every owner.
    ``pace`` multiplies every production wait (polls, leases, windows, backoff): 1.0 in production. ``keep_days`` is how
    long a job and all it owns are kept. ``iap_audience`` is set where Identity-Aware Proxy authenticates people.
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
        texts = [field for field in fields(cls) if field.type is str]
        values = {field.name: env.get(f"PROMPTREEL_{field.name.upper()}", "") for field in texts}
        required = [field.name for field in texts if field.default is MISSING]
        faults = [f"PROMPTREEL_{name.upper()} is not set" for name in required if not values[name]]
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
