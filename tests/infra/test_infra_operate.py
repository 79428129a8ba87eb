"""The commands and questions of deploy, smoke, logs and destroy."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.operate import deployment, inspection
from infra.operate.__main__ import main
from infra.operate.shell import CommandFailed, Shell
from infra.operate.target import Deployed, Target, region, variables
from promptreel.domain.money import parse_usd
from tests.infra.policy import propagation
from tools.terraform.plan import Plan
from tools.terraform.terraform import ROOT

TARGET = Target("demo-project", "us-central1", ("ops@example.com",), "abc123")


class Scripted(Shell):
    """Returns the next answer for a command that contains the given words; fails for every other command."""

    def __init__(self, answers: dict[tuple[str, ...], list[Any]], *, typed: bool = False) -> None:
        super().__init__(dry_run=False)
        self.answers, self.typed = answers, typed
        self.ran: list[tuple[str, ...]] = []
        self.waited_s: list[float] = []

    def _next(self, argv: tuple[str, ...]) -> Any:
        self.ran.append(argv)
        found = next((left for words, left in self.answers.items() if set(words) <= set(argv)), [])
        return found.pop(0) if found else ""

    def run(self, *argv: str, tolerated: bool = False) -> bool:
        return bool(self._next(argv)) or not tolerated

    def ask(self, *argv: str, answer: str, tolerated: bool = False) -> str:
        return str(self._next(argv))

    def confirmed(self, question: str, word: str) -> bool:
        return self.typed

    def wait(self, seconds: float) -> None:
        self.waited_s.append(seconds)


@pytest.fixture
def dry() -> Shell:
    return Shell(dry_run=True)


def commands(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line.removeprefix("+ ") for line in capsys.readouterr().out.splitlines() if line.startswith("+ ")]


def test_deploy_builds_before_it_plans_and_applies_only_the_shown_plan(
    dry: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment.deploy(TARGET, dry)
    done = commands(capsys)
    order = [next(at for at, line in enumerate(done) if part in line) for part in (
        "services enable", "buckets create", " init ", "plan -out=build/first.bin", "apply build/first.bin",
        "builds submit", "plan -out=build/plan.bin", "apply build/plan.bin",
    )]  # fmt: skip

    assert order == sorted(order)
    assert sum(" apply " in line for line in done) == 2
    assert "stitcher@<stitcher digest>" in done[order[6]]
    assert "studio@<studio digest>" in done[order[6]]
    assert '["ops@example.com"]' in done[order[6]]
    assert not any("-auto-approve" in line for line in done), "every plan is shown before it is applied"


def test_deploy_applies_nothing_when_the_plan_is_rejected(
    monkeypatch: pytest.MonkeyPatch, dry: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Shell, "confirmed", lambda *_: False)
    with pytest.raises(CommandFailed):
        deployment.deploy(TARGET, dry)

    assert not any("apply build/plan.bin" in line for line in commands(capsys))


def test_first_resources_are_in_the_configuration(plan: Plan) -> None:
    assert set(deployment.FIRST_RESOURCES) <= set(plan.configuration)


def test_first_resources_include_every_grant_that_must_spread_before_a_build_or_trigger(plan: Plan) -> None:
    assert propagation.recent_grants(plan) <= set(deployment.FIRST_RESOURCES)


def test_bootstrap_creates_the_service_agents_after_it_enables_their_apis(
    dry: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment.bootstrap(TARGET, dry)
    enabled, *done = commands(capsys)
    created = [line for line in done if "services identity create" in line]

    for name in ("aiplatform", "eventarc", "iap", "workflows"):
        assert f" {name}.googleapis.com" in enabled
        assert (
            f"gcloud beta services identity create --service={name}.googleapis.com --project=demo-project --quiet"
            in created
        )


def test_images_have_the_names_that_the_build_gives_them(plan: Plan) -> None:
    build = (ROOT / "infra/build.yaml").read_text()

    assert TARGET.images("us-central1").replace("demo-project", "promptreel-test") == plan.outputs["images"]
    for name in ("stitcher", "studio"):
        assert build.count(f"${{_IMAGES}}/{name}:${{_TAG}}") == 2
    assert "film-build@${PROJECT_ID}" in build
    for dockerfile in re.findall(r"--file=([\w/]+)", build):
        assert (ROOT / dockerfile).exists()


def test_smoke_prints_the_price_first_and_sets_it_as_budget(dry: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    inspection.smoke(TARGET, dry)
    output = capsys.readouterr().out
    price = re.search(r"costs at most \$([\d.]+):", output)

    assert price
    assert output.index(price[0]) < output.index("promptreel submit")
    assert f"--budget={price[1]}" in output
    assert "--quality=draft" in output
    assert parse_usd(price[1]) == inspection.max_micros(datetime.now(UTC))
    assert 0 < parse_usd(price[1]) < 3_000_000


def test_smoke_runs_no_command_when_the_price_is_rejected(
    monkeypatch: pytest.MonkeyPatch, dry: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Shell, "confirmed", lambda *_: False)
    with pytest.raises(CommandFailed):
        inspection.smoke(TARGET, dry)

    assert commands(capsys) == []


def test_smoke_reads_the_address_from_the_state_of_the_project_it_was_given(
    dry: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else it would make and pay a film in whichever project was deployed last from this checkout."""
    inspection.smoke(TARGET, dry)
    done = commands(capsys)
    pointed = next(
        at for at, line in enumerate(done) if "init -reconfigure -backend-config=bucket=demo-project-" in line
    )

    assert pointed < next(at for at, line in enumerate(done) if "output -raw api_url" in line)


def test_smoke_waits_for_new_grants_and_gives_up_after_five_minutes(capsys: pytest.CaptureFixture[str]) -> None:
    shell = Scripted({("list",): [False, False, True]})
    inspection._wait_for_access(("promptreel",), shell)

    assert shell.waited_s == [15, 15]
    with pytest.raises(CommandFailed, match="5 minutes"):
        inspection._wait_for_access(("promptreel",), Scripted({}))


@pytest.mark.parametrize(
    ("account", "impersonated", "options"),
    [
        ("ops@example.com", "", ""),
        ("ci@p.iam.gserviceaccount.com", "", " --audiences=https://api"),
        ("ops@example.com", "ci@p.iam.gserviceaccount.com", " --audiences=https://api --include-email"),
    ],
)
def test_token_names_its_audience_and_address_when_a_service_account_asks(
    account: str, impersonated: str, options: str
) -> None:
    shell = Scripted({("account",): [account], ("auth/impersonate_service_account",): [impersonated, impersonated]})

    assert inspection.token_command("https://api", shell) == f"gcloud auth print-identity-token{options}"


@pytest.mark.parametrize(
    ("writer", "sentence"), [("lvm@prod.google.com", "was written by lvm@"), ("", "is not logged")]
)
def test_smoke_reports_which_account_wrote_the_clip_as_far_as_it_is_logged(
    capsys: pytest.CaptureFixture[str], writer: str, sentence: str
) -> None:
    inspection._report_clip_writer(TARGET, "job-1", Scripted({("logging", "read"): [writer]}))

    assert sentence in capsys.readouterr().out


@pytest.mark.parametrize(
    ("actions", "typed", "applied"),
    [(["create"], False, True), (["delete", "create"], False, False), (["delete", "create"], True, True)],
)
def test_first_resources_are_applied_without_confirmation_only_when_nothing_is_deleted(
    actions: list[str], typed: bool, applied: bool
) -> None:
    changes = json.dumps({"resource_changes": [{"address": "google_x.y", "change": {"actions": actions}}]})
    shell = Scripted({("show", "-json"): [changes]}, typed=typed)
    if applied:
        deployment._apply_first_resources(TARGET, shell, [])
    else:
        with pytest.raises(CommandFailed):
            deployment._apply_first_resources(TARGET, shell, [])

    assert any("apply" in argv for argv in shell.ran) is applied


def state(*operators: str) -> Deployed:
    return Deployed({"deployment": {"region": "europe-west1", "operators": list(operators)}}, ())


def test_deployed_region_and_operators_are_kept_when_none_are_named() -> None:
    target = Target("demo-project", "", (), "abc123")

    given = variables(target, state("ops@example.com"), Scripted({("billing",): ["0A"]}))

    assert "-var=region=europe-west1" in given
    assert '-var=operators=["ops@example.com"]' in given


def test_another_region_than_the_deployed_one_is_refused() -> None:
    with pytest.raises(CommandFailed, match="deployed in europe-west1"):
        region(Target("demo-project", "us-central1", (), "abc123"), state())


def test_settings_of_the_operators_own_are_left_to_terraform(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"operators": '["a@example.com"]', "billing_account": "", "region": "us-west2"}.items():
        monkeypatch.setenv(f"TF_VAR_{name}", value)
    shell = Scripted({("billing",): ["0A"], ("account",): ["b@example.com"]})

    given = variables(Target("demo-project", "", (), "abc123"), Deployed({}, ()), shell)

    assert "-var=region=us-west2" in given
    assert not any("operators" in one for one in given)


def test_destroy_removes_protections_before_it_deletes_and_keeps_the_state(
    dry: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment.destroy(TARGET, dry)
    done = commands(capsys)
    unprotected = next(at for at, line in enumerate(done) if " apply " in line)

    assert "-var=protected=false" in done[unprotected]
    assert unprotected < next(at for at, line in enumerate(done) if "storage rm" in line)
    assert " destroy " in done[-1]
    assert not any("storage" in line and "tfstate" in line for line in done)


def test_logs_are_filtered_by_the_jobs_id(dry: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    inspection.logs(TARGET, dry, "job-1", "7d")

    assert 'jsonPayload.job_id="job-1"' in commands(capsys)[0]


def test_dry_run_ends_with_exit_code_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bootstrap", "--project=demo-project", "--dry-run"]) == 0
    assert any("demo-project-tfstate" in line for line in commands(capsys))


def test_failing_command_raises_unless_it_is_tolerated(capsys: pytest.CaptureFixture[str]) -> None:
    shell = Shell(dry_run=False)

    assert shell.run("false", tolerated=True) is False
    assert shell.ask("printf", "%s", json.dumps([1]), answer="x") == "[1]"
    with pytest.raises(CommandFailed, match="false"):
        shell.run("false")
    assert "+ false" in capsys.readouterr().out
