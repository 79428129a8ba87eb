"""Everything a deployment decides, read once from the environment. Locally only endpoints and credentials differ."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from promptreel.errors import Broken


@dataclass(frozen=True, slots=True, config=ConfigDict(hide_input_in_errors=True))  # a setting may be a secret
class Settings:
    """Where promptreel runs. An empty URL means Google's own endpoint.

    ``operators`` are e-mail addresses, and groups as ``group:ADDRESS``, who see and stop the jobs of every owner.
    ``replicate``: whether new films may be made with models on Replicate. ``replicate_token`` is a secret that only the
    functions have that call it.
    ``pace`` multiplies every production wait (polls, leases, windows, backoff): 1.0 in production. ``keep_days`` is how
    long a job and all it owns are kept. ``clock_ahead_s`` tries a later day: 0 in production.
    ``max_active_jobs`` is how many unfinished jobs an owner may have, ``requests_per_minute`` how many requests a
    caller may send to one instance of the API.
    ``picture_buckets`` are further buckets of which every caller may use pictures. ``web_url`` is a stand-in for hosts
    below `.test`, on a local stack.
    ``veo_quota_per_minute`` are the requests a minute that the project was granted of each Veo model.
    ``iap_audience`` is set where Identity-Aware Proxy authenticates people.
    """

    project: str
    region: str
    database: str
    artifacts_bucket: str
    prompts_bucket: str
    results_bucket: str
    uploads_bucket: str
    workflow: str
    submit_clip_url: str
    deliver_webhook_url: str
    tasks_account: str
    text_location: str = "global"
    veo_location: str = "us-central1"
    veo_quota_per_minute: int = Field(default=50, ge=1)
    iap_audience: str = ""
    replicate: bool = False
    operators: tuple[str, ...] = ()
    picture_buckets: tuple[str, ...] = ()
    pace: float = Field(default=1.0, gt=0, le=1)
    max_active_jobs: int = Field(default=20, ge=1, le=2_000)
    requests_per_minute: int = Field(default=600, ge=10, le=1_000_000)
    keep_days: float = Field(default=90.0, gt=0, le=36_500)
    clock_ahead_s: float = Field(default=0.0, ge=0)
    vertex_url: str = ""
    replicate_url: str = ""
    replicate_token: str = Field(default="", repr=False)
    tasks_url: str = ""
    executions_url: str = ""
    secrets_url: str = ""
    signer_url: str = ""
    media_url: str = ""
    web_url: str = ""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read ``PROMPTREEL_*``. Raises: Broken naming everything that is missing or wrong at once."""
        named = {field.name: f"PROMPTREEL_{field.name.upper()}" for field in fields(cls)}
        given: dict[str, Any] = {field: env[name] for field, name in named.items() if env.get(name)}
        for field in ("operators", "picture_buckets"):
            given[field] = tuple(filter(None, map(str.strip, given.get(field, "").split(","))))
        try:
            return cls(**given)
        except ValidationError as error:
            faults = "; ".join(f"{named[str(fault['loc'][0])]}: {fault['msg']}" for fault in error.errors())
            raise Broken(f"The deployment is not configured: {faults}.", code="misconfigured") from error
