"""``make smoke``, one draft film through the deployed API, and ``make logs``, the log of a job."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from infra.operate.shell import CommandFailed, Shell
from infra.operate.target import SERVICE_ACCOUNT, Target, account, impersonation
from promptreel.domain.models import VideoProtocol
from promptreel.domain.money import format_usd
from promptreel.domain.planning import specify_film
from promptreel.domain.request import parse_request
from promptreel.domain.tariffs import image_tariff, text_tariff

PROMPT = "A paper boat drifts down a rainy gutter at dusk. One scene of four seconds."
GOOGLES_PROTOCOLS = frozenset[VideoProtocol]({"veo", "interactions"})
"""The video backends of every deployment."""
WRITINGS = 3
"""How often a storyboard may be written."""
FRAMES = 2
"""Keyframes of a scene."""
PROMPT_TOKENS = 32_000
"""More than a prompt about one scene has, even with an answer to correct."""
ATTEMPTS, PAUSE_S = 20, 15
"""For how long a new deployment may refuse the operator: five minutes."""


def max_micros(now: datetime) -> int:
    """What the draft film can cost at most, by the ledger's own prices."""
    plan = specify_film(parse_request(smoke_request("1")), now, GOOGLES_PROTOCOLS)
    size = plan.image.size_for(plan.video.size_px("720p", plan.aspect))
    keyframe = image_tariff(plan.image, size, 1, plan.image.first_output_tokens(size)).reserved_micros(now)
    text = text_tariff(plan.text, PROMPT_TOKENS, plan.text.max_output_tokens).reserved_micros(now)
    seconds = min(plan.legal_durations_s)
    clip = plan.video.max_micros(seconds, "720p", now, audio=True)
    return WRITINGS * text + FRAMES * keyframe + clip


def smoke_request(budget_usd: str) -> dict[str, object]:
    return {"prompt": PROMPT, "scenes": 1, "duration_s": 4, "quality": "draft", "budget_usd": budget_usd}


def smoke(target: Target, shell: Shell) -> None:
    """Make one real film after the operator has confirmed its maximum price, which is its budget."""
    price = format_usd(max_micros(datetime.now(UTC)))
    if not shell.confirmed(f"One draft film of one scene costs at most ${price}: that is its budget.", "yes"):
        raise CommandFailed("nothing was spent")
    shell.run(*target.init())
    url = shell.ask(*target.terraform("output", "-raw", "api_url"), answer="api_url")
    command, token = ("promptreel",), token_command(url, shell)
    if not shell.dry_run:
        command = (str(Path(sys.executable).with_name("promptreel")),)
        os.environ |= {"PROMPTREEL_API": url, "PROMPTREEL_TOKEN_COMMAND": token}
        os.environ.pop("PROMPTREEL_TOKEN", None)
    _wait_for_access(command, shell)
    film = (
        "--scenes=1",
        "--duration=4",
        "--quality=draft",
        "--no-cache",
    )  # what it is to show is that the models answer
    submit = ("submit", PROMPT, *film, f"--budget={price}")
    job = shell.ask(*command, *submit, answer="job")
    shell.run(*command, "watch", job)
    shell.run(*command, "ledger", job)
    shell.run(*command, "download", job, "out/smoke")
    _report_clip_writer(target, job, shell)


def token_command(url: str, shell: Shell) -> str:
    """The command that prints an ID token for the API: a service account must name the audience, a person cannot.

    Source: https://cloud.google.com/sdk/gcloud/reference/auth/print-identity-token
    """
    command = "gcloud auth print-identity-token"
    if shell.dry_run or not account(shell).endswith(SERVICE_ACCOUNT):
        return command
    return f"{command} --audiences={url}{' --include-email' if impersonation(shell) else ''}"


def _wait_for_access(command: tuple[str, ...], shell: Shell) -> None:
    """Wait until the API accepts the operator; a new grant needs minutes.

    Raises:
        CommandFailed: five minutes did not suffice.
    """
    for _ in range(ATTEMPTS):
        if shell.run(*command, "list", tolerated=True):
            return
        shell.say(f"The API does not accept you yet; a new grant needs minutes. Next attempt in {PAUSE_S} s.")
        shell.wait(PAUSE_S)
    raise CommandFailed(f"the API refuses you after {ATTEMPTS * PAUSE_S // 60} minutes: docs/runbook.md#smoke")


def _report_clip_writer(target: Target, job: str, shell: Shell) -> None:
    """Print which account wrote the clip, if the project keeps the bucket's audit log, the only source."""
    query = (
        f'protoPayload.methodName="storage.objects.create" AND protoPayload.resourceName:"/objects/jobs/{job}/clips/"'
    )
    writer = shell.ask(
        "gcloud", "logging", "read", query, f"--project={target.project}", "--freshness=1h", "--limit=1",
        "--format=value(protoPayload.authenticationInfo.principalEmail)", answer="account", tolerated=True,
    )  # fmt: skip
    if writer:
        shell.say(f"The clip was written by {writer}.")
    else:
        shell.say("Which account wrote the clip is not logged: the project keeps no data access log of Cloud Storage.")


def logs(target: Target, shell: Shell, job: str, freshness: str) -> None:
    """Print every log line of one job, oldest first."""
    query = f'jsonPayload.job_id="{job}" OR labels.job="{job}"'
    columns = (
        "timestamp",
        "severity",
        *(f"jsonPayload.{name}" for name in ("action", "scene_id", "outcome", "reason")),
    )
    form = f"--format=table({','.join(columns)})"
    shell.run(
        "gcloud", "logging", "read", query, f"--project={target.project}", "--order=asc",
        f"--freshness={freshness}", form,
    )  # fmt: skip
