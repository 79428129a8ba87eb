"""Does it work, and what did it say: one draft film through the deployed API, and a job's log."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from infra.operate.shell import CommandFailed, Shell
from infra.operate.target import SERVICE_ACCOUNT, Target, account, impersonation
from promptreel.domain.money import format_usd
from promptreel.domain.planning import IMAGE_SIZE, specify_film
from promptreel.domain.request import parse_request
from promptreel.domain.tariffs import image_tariff, text_tariff

PROMPT = "A paper boat drifts down a rainy gutter at dusk. One scene of four seconds."
WRITINGS = 3
"""Times a storyboard may be written; frames of a scene."""
FRAMES = 2
PROMPT_TOKENS = 32_000
"""More than a question about one scene has, even with the answer it wants corrected."""
LOOKS, LOOK_S = 20, 15
"""How often a new deployment is asked whether it lets the operator in: five minutes."""


def max_micros(now: datetime) -> int:
    """What the draft film can cost at most, by the prices that the ledger itself reckons with."""
    plan = specify_film(parse_request(wish("1")), now)
    picture = image_tariff(plan.image, IMAGE_SIZE, 1, plan.image.output_tokens).reserved_micros(now)
    text = text_tariff(plan.text, PROMPT_TOKENS, plan.text.max_output_tokens).reserved_micros(now)
    seconds = min(plan.legal_durations_s)
    clip = plan.video.cost_micros(seconds, "720p", now, audio=True)
    return WRITINGS * text + FRAMES * picture + clip


def wish(budget_usd: str) -> dict[str, object]:
    return {"prompt": PROMPT, "scenes": 1, "duration_s": 4, "quality": "draft", "budget_usd": budget_usd}


def smoke(target: Target, shell: Shell) -> None:
    """One real film. Says first what it can cost, which is its budget, and asks."""
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
    _wait_until_let_in(command, shell)
    submit = ("submit", PROMPT, "--scenes=1", "--duration=4", "--quality=draft", f"--budget={price}")
    job = shell.ask(*command, *submit, answer="job")
    shell.run(*command, "watch", job)
    shell.run(*command, "ledger", job)
    shell.run(*command, "download", job, "out/smoke")
    _report_clip_writer(target, job, shell)


def token_command(url: str, shell: Shell) -> str:
    """What prints an ID token for the API: a service account must name whom it is for, and a person cannot.

    Source: https://cloud.google.com/sdk/gcloud/reference/auth/print-identity-token
    """
    command = "gcloud auth print-identity-token"
    if shell.dry_run or not account(shell).endswith(SERVICE_ACCOUNT):
        return command
    return f"{command} --audiences={url}{' --include-email' if impersonation(shell) else ''}"


def _wait_until_let_in(command: tuple[str, ...], shell: Shell) -> None:
    """A grant needs minutes until Cloud Run knows it. Raises: CommandFailed when five do not suffice."""
    for _ in range(LOOKS):
        if shell.run(*command, "list", tolerated=True):
            return
        shell.say(f"The API does not let you in yet; a new grant needs minutes. Next look in {LOOK_S} s.")
        shell.wait(LOOK_S)
    raise CommandFailed(f"the API lets nobody in after {LOOKS * LOOK_S // 60} minutes: docs/runbook.md#smoke")


def _report_clip_writer(target: Target, job: str, shell: Shell) -> None:
    """Which account wrote the clip. The bucket's audit log knows, where the project keeps one; nothing else does."""
    wrote = (
        f'protoPayload.methodName="storage.objects.create" AND protoPayload.resourceName:"/objects/jobs/{job}/clips/"'
    )
    who = shell.ask(
        "gcloud", "logging", "read", wrote, f"--project={target.project}", "--freshness=1h", "--limit=1",
        "--format=value(protoPayload.authenticationInfo.principalEmail)", answer="account", tolerated=True,
    )  # fmt: skip
    if who:
        shell.say(f"The clip was written by {who}.")
    else:
        shell.say("Which account wrote the clip is not logged: the project keeps no data access log of Cloud Storage.")


def logs(target: Target, shell: Shell, job: str, freshness: str) -> None:
    """Everything that was logged about one job, oldest first."""
    wanted = f'jsonPayload.job_id="{job}" OR labels.job="{job}"'
    columns = (
        "timestamp",
        "severity",
        *(f"jsonPayload.{name}" for name in ("action", "scene_id", "outcome", "reason")),
    )
    form = f"--format=table({','.join(columns)})"
    shell.run(
        "gcloud", "logging", "read", wanted, f"--project={target.project}", "--order=asc",
        f"--freshness={freshness}", form,
    )  # fmt: skip
