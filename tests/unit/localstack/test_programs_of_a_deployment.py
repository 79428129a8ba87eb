"""What ``up`` reads from ``infra/config``, and the programs and configuration files it makes of it."""

import argparse
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from localstack import programs, up
from localstack.deployment import Deployment, fill
from localstack.layout import Layout, backend_listener, identity_listener, listeners
from localstack.programs import service_programs, stand_in_programs
from localstack.provisioning import cron, job_resource, queue_resource
from localstack.state_file import state_document

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def deployment() -> Deployment:
    return Deployment.read(REPOSITORY / "infra" / "config")


@pytest.fixture
def layout(tmp_path: Path, deployment: Deployment) -> Layout:
    """The repository's deployment with port numbers that count up from 30000 in the order of the listeners."""
    inherited = {
        "PATH": "/usr/bin",
        "LANG": "C.UTF-8",
        "GOOGLE_APPLICATION_CREDENTIALS": "/home/mira/key.json",
        "CLOUDSDK_CORE_PROJECT": "a-real-project",
        "PUBSUB_EMULATOR_HOST": "elsewhere:1",
        "PROMPTREEL_VERTEX_URL": "https://elsewhere.example",
        "PORT": "8080",
    }
    return Layout(
        root=REPOSITORY,
        run_dir=tmp_path,
        project="local-1",
        pace=0.05,
        deployment=deployment,
        ports={name: 30000 + place for place, name in enumerate(listeners(deployment))},
        inherited=inherited,
        firestore_host="127.0.0.1:8085",
    )


def env_of(layout: Layout, name: str) -> dict[str, str]:
    return next(dict(program.env) for program in service_programs(layout) if program.name == name)


def test_every_service_has_a_gate_and_a_backend_listener(layout: Layout) -> None:
    for service in layout.deployment.services:
        assert layout.ports[service.name] != layout.ports[backend_listener(service.name)]


def test_every_service_runs_as_an_account_of_its_own(layout: Layout) -> None:
    hosts = {service.name: env_of(layout, service.name)["GCE_METADATA_HOST"] for service in layout.deployment.services}

    assert len(set(hosts.values())) == len(hosts)
    assert hosts["api"] == f"127.0.0.1:{layout.ports[identity_listener('api')]}"


def test_only_functions_are_restarted_when_they_do_not_answer(layout: Layout) -> None:
    hang_s = {program.name: program.hang_s for program in service_programs(layout)}

    assert hang_s.pop("stitcher") is None
    assert all(hang_s.values())


def test_every_placeholder_of_the_configuration_has_a_value(layout: Layout) -> None:
    values = layout.placeholders()
    templates = [*layout.deployment.env.values(), *layout.deployment.workflow.env.values()]

    assert all("{" not in fill(template, values) for template in templates)


def test_fill_fails_when_a_placeholder_is_unknown() -> None:
    with pytest.raises(ValueError, match=r"url\.strecher"):
        fill("{url.strecher}", {"url.stitcher": "http://127.0.0.1:1"})


def test_inherited_environment_is_passed_on_without_real_projects(layout: Layout) -> None:
    env = env_of(layout, "api")

    assert env["PATH"] == "/usr/bin"
    assert env["LANG"] == "C.UTF-8"
    assert env["GOOGLE_CLOUD_PROJECT"] == "local-1"
    assert env["PROMPTREEL_VERTEX_URL"] == layout.url("vertex")
    assert not {"GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CORE_PROJECT", "PUBSUB_EMULATOR_HOST", "PORT"} & set(env)


def test_functions_do_not_see_the_developers_gcloud_folder(layout: Layout) -> None:
    """google-auth reads a developer's own credentials there before it calls the metadata server."""
    assert env_of(layout, "api")["CLOUDSDK_CONFIG"] == str(layout.run_dir / "gcloud")


def test_state_of_an_earlier_run_is_removed_when_the_stack_starts_in_its_folder(layout: Layout) -> None:
    layout.clear_earlier_run()
    task = layout.state_dir("tasks") / "tasks.db"
    task.touch()

    layout.clear_earlier_run()

    assert not task.exists()


def test_nothing_is_removed_when_the_stack_starts_in_a_foreign_folder(layout: Layout) -> None:
    foreign = layout.folder("state") / "my-novel.txt"
    foreign.touch()

    layout.clear_earlier_run()

    assert foreign.exists()


def test_gate_names_the_accounts_of_access_json(layout: Layout) -> None:
    services = {service["name"]: service for service in programs.gate(layout)["services"]}

    assert services["submit_clip"]["invokers"] == ["film-tasks@local-1.iam.gserviceaccount.com"]
    assert services["submit_clip"]["people"] is False
    assert services["api"] == {
        "name": "api",
        "port": layout.ports["api"],
        "backend": layout.url("backend.api"),
        "audience": layout.url("api"),
        "invokers": [],
        "people": True,
        "timeout_s": 300,
        "capacity": 800,
    }


def test_gate_has_the_capacity_of_all_instances_together(layout: Layout) -> None:
    capacity = {service["name"]: service["capacity"] for service in programs.gate(layout)["services"]}

    assert (capacity["draw_keyframe"], capacity["sweep_jobs"]) == (80, 1)


def test_process_has_as_many_threads_as_all_instances_of_its_service(layout: Layout) -> None:
    threads = {program.name: program.env["THREADS"] for program in service_programs(layout)}

    assert (threads["draw_keyframe"], threads["sweep_jobs"]) == ("80", "1")


def test_schedules_run_at_the_local_interval(layout: Layout) -> None:
    assert programs.periods_s(layout) == {"sweep-jobs": 5}


def test_scheduled_job_has_the_cron_and_the_account_of_production() -> None:
    url = "http://127.0.0.1:1"

    assert job_resource("j", 300, url, "film-scheduler@p.iam.gserviceaccount.com", deadline_s=60) == {
        "name": "j",
        "schedule": "*/5 * * * *",
        "timeZone": "Etc/UTC",
        "attemptDeadline": "60s",
        "retryConfig": {"retryCount": 1, "minBackoffDuration": "10s", "maxBackoffDuration": "60s"},
        "httpTarget": {
            "uri": url,
            "headers": {"Content-Type": "application/json"},
            "body": "e30=",
            "oidcToken": {"serviceAccountEmail": "film-scheduler@p.iam.gserviceaccount.com", "audience": url},
        },
    }


@pytest.mark.parametrize("every_s", [0, 30, 90, 420, 3600])
def test_cron_fails_when_it_cannot_express_the_period(every_s: int) -> None:
    with pytest.raises(ValueError, match=f"every {every_s} s"):
        cron(every_s)


def test_triggers_start_the_workflow(layout: Layout) -> None:
    trigger = programs.triggers(layout)["triggers"][0]

    assert trigger["bucket"] == "local-1-prompts"
    assert trigger["workflow"] == "projects/local-1/locations/us-central1/workflows/film"
    assert trigger["workflows_url"] == layout.url("workflows")


def test_metadata_server_has_one_listener_for_each_account(layout: Layout) -> None:
    identities = programs.identities(layout)["listeners"]

    assert sorted(identities.values()) == sorted(layout.account(name) for name in layout.deployment.accounts)


def test_queue_has_twenty_times_the_rate_and_shorter_waits_when_the_pace_is_a_twentieth() -> None:
    settings = {
        "dispatches_per_minute": 30,
        "max_concurrent_dispatches": 8,
        "retry": {"max_attempts": 100, "min_backoff_s": 2, "max_backoff_s": 120, "max_doublings": 5},
    }

    assert queue_resource("q", settings, 0.05) == {
        "name": "q",
        "rateLimits": {"maxDispatchesPerSecond": pytest.approx(10.0), "maxConcurrentDispatches": 8},
        "retryConfig": {"maxAttempts": 100, "minBackoff": "0.100s", "maxBackoff": "6.000s", "maxDoublings": 5},
    }


def test_state_is_json_with_the_variables_for_a_shell(layout: Layout) -> None:
    state = json.loads(json.dumps(state_document(layout, {"api": 7}, {"owner": "o", "stranger": "s"})))

    assert state["processes"] == {"api": 7}
    assert state["env"]["PROMPTREEL_API"] == state["api"] == layout.url("api")
    assert state["env"]["PROMPTREEL_TOKEN"] == "o"
    assert state["env"]["CLOUDSDK_API_ENDPOINT_OVERRIDES_WORKFLOWS"] == f"{state['workflows_rest']}/"
    assert state["env"]["CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDSCHEDULER"] == f"{state['scheduler']}/"
    assert state["workflows_grpc"] == layout.host("workflows_grpc")


def test_both_model_stand_ins_have_the_same_profile_and_clock_as_the_product(layout: Layout) -> None:
    later = replace(layout, clock_ahead_s=86_400)
    commands = {program.name: program.argv for program in stand_in_programs(later, None)}

    def option(name: str, flag: str) -> str:
        return commands[name][commands[name].index(flag) + 1]

    assert option("vertex", "--profile") == option("replicate", "--profile")
    assert json.loads(Path(option("replicate", "--profile")).read_text()) == {"time_scale": 0.05}
    assert option("vertex", "--clock-ahead-s") == option("replicate", "--clock-ahead-s") == "86400"
    assert env_of(later, "stitcher")["PROMPTREEL_CLOCK_AHEAD_S"] == "86400"
    assert option("replicate", "--token") == env_of(later, "submit_clip")["PROMPTREEL_REPLICATE_TOKEN"]


def test_only_a_later_day_can_be_filmed_on() -> None:
    parser = argparse.ArgumentParser()
    up.configure(parser)
    today = datetime.now(UTC).date()

    assert parser.parse_args(["--date", (today + timedelta(days=2)).isoformat()]).date in {86_400, 2 * 86_400}
    with pytest.raises(SystemExit):
        parser.parse_args(["--date", "2026-01-01"])
