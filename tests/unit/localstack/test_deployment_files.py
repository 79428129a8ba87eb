"""What ``up`` reads from ``infra/config`` and what it tells the stand-ins from it."""

import json
from pathlib import Path

import pytest

from localstack import wiring
from localstack.backends import backend_programs
from localstack.deployment import Deployment, fill
from localstack.provisioning import cron, job_resource, queue_resource
from localstack.site import Site, backend_listener, identity_listener, listeners
from localstack.statefile import document

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def deployment() -> Deployment:
    return Deployment.read(REPOSITORY / "infra" / "config")


@pytest.fixture
def site(tmp_path: Path, deployment: Deployment) -> Site:
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
    return Site(
        root=REPOSITORY,
        run_dir=tmp_path,
        project="local-1",
        pace=0.05,
        deployment=deployment,
        ports={name: 30000 + place for place, name in enumerate(listeners(deployment))},
        inherited=inherited,
        firestore_host="127.0.0.1:8085",
    )


def env_of(site: Site, name: str) -> dict[str, str]:
    return next(dict(program.env) for program in backend_programs(site) if program.name == name)


def test_every_service_when_planned_then_has_gate_and_backend_listeners(site: Site) -> None:
    for service in site.deployment.services:
        assert site.ports[service.name] != site.ports[backend_listener(service.name)]


def test_every_function_when_planned_then_runs_as_an_account_of_its_own(site: Site) -> None:
    hosts = {service.name: env_of(site, service.name)["GCE_METADATA_HOST"] for service in site.deployment.services}

    assert len(set(hosts.values())) == len(hosts)
    assert hosts["api"] == f"127.0.0.1:{site.ports[identity_listener('api')]}"


def test_container_when_planned_then_its_silence_is_no_sign_of_death_but_a_functions_is(site: Site) -> None:
    patience_s = {program.name: program.hang_s for program in backend_programs(site)}

    assert patience_s.pop("stitcher") is None
    assert all(patience_s.values())


def test_every_placeholder_of_the_configuration_when_filled_then_known(site: Site) -> None:
    values = site.placeholders()
    templates = [*site.deployment.env.values(), *site.deployment.workflow.env.values()]

    assert all("{" not in fill(template, values) for template in templates)


def test_unknown_placeholder_when_filled_then_refused() -> None:
    with pytest.raises(ValueError, match=r"url\.strecher"):
        fill("{url.strecher}", {"url.stitcher": "http://127.0.0.1:1"})


def test_inherited_environment_when_passed_on_then_without_real_projects(site: Site) -> None:
    env = env_of(site, "api")

    assert env["PATH"] == "/usr/bin"
    assert env["LANG"] == "C.UTF-8"
    assert env["GOOGLE_CLOUD_PROJECT"] == "local-1"
    assert env["PROMPTREEL_VERTEX_URL"] == site.url("vertex")
    assert not {"GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CORE_PROJECT", "PUBSUB_EMULATOR_HOST", "PORT"} & set(env)


def test_gcloud_folder_of_the_developer_when_a_function_starts_then_out_of_sight(site: Site) -> None:
    """google-auth looks there for a person's own credentials before it asks the metadata server."""
    assert env_of(site, "api")["CLOUDSDK_CONFIG"] == str(site.run_dir / "gcloud")


def test_folder_of_an_earlier_run_when_started_again_then_its_state_is_forgotten(site: Site) -> None:
    site.emptied()
    task = site.state_dir("tasks") / "tasks.db"
    task.touch()

    site.emptied()

    assert not task.exists()


def test_folder_of_somebody_else_when_started_in_then_nothing_is_removed(site: Site) -> None:
    mine = site.folder("state") / "my-novel.txt"
    mine.touch()

    site.emptied()

    assert mine.exists()


def test_gate_when_wired_then_names_the_accounts_of_access_json(site: Site) -> None:
    services = {service["name"]: service for service in wiring.gate(site)["services"]}

    assert services["submit_clip"]["invokers"] == ["film-tasks@local-1.iam.gserviceaccount.com"]
    assert services["submit_clip"]["people"] is False
    assert services["api"] == {
        "name": "api",
        "port": site.ports["api"],
        "backend": site.url("backend.api"),
        "audience": site.url("api"),
        "invokers": [],
        "people": True,
        "timeout_s": 60,
        "capacity": 800,
    }


def test_gate_refuses_what_all_instances_together_cannot_serve(site: Site) -> None:
    capacity = {service["name"]: service["capacity"] for service in wiring.gate(site)["services"]}

    assert (capacity["draw_keyframe"], capacity["sweep_jobs"]) == (80, 1)


def test_process_has_as_many_threads_as_all_instances_of_its_service_when_started(site: Site) -> None:
    threads = {program.name: program.env["THREADS"] for program in backend_programs(site)}

    assert (threads["draw_keyframe"], threads["sweep_jobs"]) == ("80", "1")


def test_schedules_when_wired_then_fire_at_the_local_interval(site: Site) -> None:
    assert wiring.periods(site) == {"sweep-jobs": 5}


def test_schedule_when_provisioned_then_cron_of_production_posts_signed_to_the_service() -> None:
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
def test_period_that_cron_cannot_say_when_provisioned_then_refused(every_s: int) -> None:
    with pytest.raises(ValueError, match=f"every {every_s} s"):
        cron(every_s)


def test_triggers_when_wired_then_start_the_workflow(site: Site) -> None:
    trigger = wiring.eventarc(site)["triggers"][0]

    assert trigger["bucket"] == "local-1-prompts"
    assert trigger["workflow"] == "projects/local-1/locations/us-central1/workflows/film"
    assert trigger["workflows_url"] == site.url("workflows")


def test_identities_when_wired_then_one_listener_for_each_account(site: Site) -> None:
    identities = wiring.identities(site)["listeners"]

    assert sorted(identities.values()) == sorted(site.account(name) for name in site.deployment.accounts)


def test_queue_when_the_pace_is_a_twentieth_then_twenty_times_the_rate_and_shorter_waits() -> None:
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


def test_state_when_told_then_json_with_the_shells_variables(site: Site) -> None:
    told = json.loads(json.dumps(document(site, {"api": 7}, {"owner": "o", "stranger": "s"})))

    assert told["processes"] == {"api": 7}
    assert told["env"]["PROMPTREEL_API"] == told["api"] == site.url("api")
    assert told["env"]["PROMPTREEL_TOKEN"] == "o"
    assert told["env"]["CLOUDSDK_API_ENDPOINT_OVERRIDES_WORKFLOWS"] == f"{told['workflows_rest']}/"
    assert told["env"]["CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDSCHEDULER"] == f"{told['scheduler']}/"
    assert told["workflows_grpc"] == site.host("workflows_grpc")
