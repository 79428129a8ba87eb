"""Deploy, smoke, logs and destroy say what they would do before they do it (H4)."""

import json
import re
from datetime import UTC, datetime

import pytest

from infra.operate import deploying, looking
from infra.operate.__main__ import main
from infra.operate.shell import CommandFailed, Shell
from infra.operate.target import Target
from promptreel.domain.money import micros
from tests.infra.offline.terraform import ROOT
from tests.infra.policy import waiting
from tests.infra.policy.plan import Plan

TARGET = Target("demo-project", "us-central1", ("ops@example.com",), "abc123")


@pytest.fixture
def dry() -> Shell:
    return Shell(dry_run=True)


def commands(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line.removeprefix("+ ") for line in capsys.readouterr().out.splitlines() if line.startswith("+ ")]


def test_deployment_then_builds_before_it_plans_and_applies_only_what_was_shown(
    dry: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    deploying.deploy(TARGET, dry)
    done = commands(capsys)
    order = [next(at for at, line in enumerate(done) if part in line) for part in (
        "services enable", "buckets create", " init ", "apply -auto-approve -target", "builds submit", " plan ",
        "apply build/plan.bin",
    )]  # fmt: skip

    assert order == sorted(order)
    assert sum(" apply " in line for line in done) == 2
    assert "stitcher@<stitcher digest>" in done[order[5]]
    assert "studio@<studio digest>" in done[order[5]]
    assert '["ops@example.com"]' in done[order[5]]


def test_deployment_when_the_plan_is_not_wanted_then_nothing_is_applied(
    monkeypatch: pytest.MonkeyPatch, dry: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Shell, "confirmed", lambda *_: False)
    with pytest.raises(CommandFailed):
        deploying.deploy(TARGET, dry)

    assert not any("apply build/plan.bin" in line for line in commands(capsys))


def test_first_resources_then_are_in_the_configuration(plan: Plan) -> None:
    assert set(deploying.FIRST_RESOURCES) <= set(plan.configuration)


def test_first_resources_include_every_grant_that_must_spread_before_a_build_or_trigger(plan: Plan) -> None:
    assert waiting.young_grants(plan) <= set(deploying.FIRST_RESOURCES)


def test_bootstrap_creates_the_service_agents_after_it_enables_their_apis(
    dry: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    deploying.bootstrap(TARGET, dry)
    enabled, *done = commands(capsys)
    created = [line for line in done if "services identity create" in line]

    for name in ("aiplatform", "eventarc", "iap", "workflows"):
        assert f" {name}.googleapis.com" in enabled
        assert (
            f"gcloud beta services identity create --service={name}.googleapis.com --project=demo-project --quiet"
            in created
        )


def test_images_then_are_called_what_the_build_calls_them(plan: Plan) -> None:
    build = (ROOT / "infra/build.yaml").read_text()

    assert TARGET.images.replace("demo-project", "promptreel-test") == plan.outputs["images"]
    for name in ("stitcher", "studio"):
        assert build.count(f"${{_IMAGES}}/{name}:${{_TAG}}") == 2
    assert "film-build@${PROJECT_ID}" in build
    for dockerfile in re.findall(r"--file=([\w/]+)", build):
        assert (ROOT / dockerfile).exists()


def test_smoke_film_then_names_its_price_first_and_is_bound_by_it(
    dry: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    looking.smoke(TARGET, dry)
    said = capsys.readouterr().out
    price = re.search(r"costs at most \$([\d.]+):", said)

    assert price
    assert said.index(price[0]) < said.index("promptreel submit")
    assert f"--budget={price[1]}" in said
    assert "--quality=draft" in said
    assert micros(price[1]) == looking.most_micros(datetime.now(UTC))
    assert 0 < micros(price[1]) < 3_000_000


def test_smoke_film_when_it_is_too_dear_then_nothing_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, dry: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Shell, "confirmed", lambda *_: False)
    with pytest.raises(CommandFailed):
        looking.smoke(TARGET, dry)

    assert commands(capsys) == []


def test_teardown_then_takes_protections_off_before_it_deletes_and_leaves_the_state(
    dry: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    deploying.destroy(TARGET, dry)
    done = commands(capsys)
    unprotected = next(at for at, line in enumerate(done) if " apply " in line)

    assert "-var=protected=false" in done[unprotected]
    assert unprotected < next(at for at, line in enumerate(done) if "storage rm" in line)
    assert " destroy " in done[-1]
    assert not any("storage" in line and "tfstate" in line for line in done)


def test_log_of_a_job_then_is_asked_for_by_its_id(dry: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    looking.logs(TARGET, dry, "job-1", "7d")

    assert 'jsonPayload.job_id="job-1"' in commands(capsys)[0]


def test_command_line_when_run_dry_then_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bootstrap", "--project=demo-project", "--dry-run"]) == 0
    assert any("demo-project-tfstate" in line for line in commands(capsys))


def test_program_that_fails_then_stops_everything(capsys: pytest.CaptureFixture[str]) -> None:
    shell = Shell(dry_run=False)

    assert shell.run("false", tolerated=True) is False
    assert shell.ask("printf", "%s", json.dumps([1]), answer="x") == "[1]"
    with pytest.raises(CommandFailed, match="false"):
        shell.run("false")
    assert "+ false" in capsys.readouterr().out
