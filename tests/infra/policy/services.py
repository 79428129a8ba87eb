"""Rules about services, queues and the scheduler: timeouts, sizes, rates and environment."""

import math
import re
from collections.abc import Iterator
from typing import Any

from promptreel.adapters import webhooks
from promptreel.adapters.tasks import DISPATCH_DEADLINE_S
from promptreel.http.event_stream import FIRST_LOOK_S, STREAM_S
from promptreel.http.job_page import MAX_WAIT_S
from promptreel.usecases.watch_job import MAX_WATCHERS
from tests.infra.policy import declared
from tests.infra.policy.access import label, workloads
from tests.infra.policy.rules import rule
from tools.terraform.plan import NUMBER, PROJECT, REGION, Plan, Resource
from tools.terraform.terraform import ROOT

VEO_REQUESTS_A_MINUTE = 50
WORKFLOWS_HTTP_S = 1800
HTTP_FUNCTION_S = 3600
TASK_S = 1800
SCHEDULER_S = 1800
SLACK_S = 10
"""What the answer of a watcher may take beside its wait."""
THREADS_FOR_OTHERS = 20
THREADS = "THREADS"
"""The variable from which functions-framework and gunicorn read their number of threads."""

# Memory, processors, concurrent requests, instances.
SIZES = {
    "open-job": ("1Gi", "1", 20, 10),
    "write-storyboard": ("512Mi", "1", 8, 10),
    "draw-sheet": ("1Gi", "1", 4, 10),
    "draw-keyframe": ("1Gi", "1", 4, 20),
    "check-continuity": ("512Mi", "1", 8, 10),
    "submit-clip": ("512Mi", "1", 8, 4),
    "poll-clips": ("1Gi", "1", 10, 20),
    "close-job": ("512Mi", "1", 20, 5),
    "fail-job": ("512Mi", "1", 20, 5),
    "sweep-jobs": ("512Mi", "1", 1, 1),
    "deliver-webhook": ("512Mi", "1", 10, 4),
    "api": ("1Gi", "1", 80, 10),
    "stitcher": ("8Gi", "4", 1, 5),
    "studio": ("1Gi", "1", 80, 5),
}
CPU_QUOTA, MEMORY_QUOTA_GIB = 20, 40
"""A new project's usual quota in a region; Cloud Run refuses a service that could grow beyond it."""
MAX_CONCURRENT_IMAGES = 80
"""Image requests in progress at once: below the model's quota a minute."""


@rule
def functions_match_the_entry_points(plan: Plan) -> Iterator[str]:
    built = {function.key: function for function in plan.of("cloudfunctions2_function")}
    if set(built) != declared.entry_points():
        yield f"functions: {sorted(map(str, built))}, not {sorted(declared.entry_points())}"
    for name, function in built.items():
        build = function.block("build_config")
        if build.get("entry_point") != name or function.values["name"] != str(name).replace("_", "-"):
            yield f"{function.address} is called {function.values['name']} and starts {build.get('entry_point')}"
        if not re.fullmatch(r"python31[1-3]", str(build.get("runtime"))):
            yield f"{function.address} runs on {build.get('runtime')}"
        if build.get("docker_repository") != f"projects/{PROJECT}/locations/{REGION}/repositories/promptreel-functions":
            yield f"{function.address} is kept in {build.get('docker_repository')}"
        if function.block("service_config").get("all_traffic_on_latest_revision") is not True:
            yield f"{function.address}: a new revision would get no traffic"
        if function.blocks("event_trigger"):
            yield f"{function.address} has an event trigger beside HTTP"


@rule
def every_service_has_its_timeout(plan: Plan) -> Iterator[str]:
    limits = declared.timeouts_s()
    for workload in workloads(plan):
        found = timeout_s(workload)
        if found != limits[label(workload)]:
            yield f"{workload.address} is given {found} s, not {limits[label(workload)]}"
        if not 0 < found <= HTTP_FUNCTION_S:
            yield f"{workload.address}: {found} s is more than Google allows"


@rule
def watchers_of_jobs_fit_the_api(plan: Plan) -> Iterator[str]:
    """Streams end before Cloud Run cuts them, and requests that do not wait always find a thread."""
    longest_s = max(FIRST_LOOK_S + STREAM_S, MAX_WAIT_S)
    for workload in workloads(plan):
        if label(workload) in {"api", "studio"}:
            if (found := timeout_s(workload)) < longest_s + SLACK_S:
                yield f"{workload.address} is given {found} s, and watchers wait for {longest_s}"
            _, _, concurrency, _ = _size(workload)
            if concurrency < MAX_WATCHERS + THREADS_FOR_OTHERS:
                yield f"{workload.address} takes {concurrency} requests, of which {MAX_WATCHERS} may wait"


@rule
def service_sizes_match_the_table(plan: Plan) -> Iterator[str]:
    found = {label(workload): _size(workload) for workload in workloads(plan)}
    for name in found.keys() | SIZES.keys():
        if found.get(name) != SIZES.get(name):
            yield f"{name}: {found.get(name)}, not {SIZES.get(name)} (memory, CPUs, concurrency, instances)"


@rule
def every_service_fits_a_new_projects_quota(plan: Plan) -> Iterator[str]:
    for workload in workloads(plan):
        memory, cores, _, instances = _size(workload)
        gib = int(memory.removesuffix("Gi")) if memory.endswith("Gi") else int(memory.removesuffix("Mi")) / 1024
        if int(cores) * instances > CPU_QUOTA or gib * instances > MEMORY_QUOTA_GIB:
            yield f"{workload.address} may take {int(cores) * instances} vCPU and {gib * instances} GiB"


@rule
def every_service_has_a_thread_for_each_concurrent_request(plan: Plan) -> Iterator[str]:
    for workload in workloads(plan):
        _, _, concurrency, _ = _size(workload)
        threads = environment(workload).get(THREADS)
        if threads != str(concurrency + (workload.name == "stitcher")):
            yield f"{workload.address} takes {concurrency} requests at once with {threads} threads"
    for dockerfile, server in (("stitcher_service", "--threads ${THREADS} "), ("infra/studio", "functions-framework ")):
        if server not in (ROOT / dockerfile / "Dockerfile").read_text(encoding="utf-8"):
            yield f"{dockerfile}/Dockerfile starts a server that does not read THREADS"


@rule
def paid_calls_are_bounded_by_their_quota(plan: Plan) -> Iterator[str]:
    sizes = {label(workload): _size(workload) for workload in workloads(plan)}
    clips = [queue for queue in plan.of("cloud_tasks_queue") if str(queue.values["name"]).startswith("clips")]
    queued = sum(queue.block("rate_limits")["max_concurrent_dispatches"] for queue in clips)
    for name in ("draw-sheet", "draw-keyframe"):
        *_, concurrency, instances = sizes[name]
        if concurrency * instances > MAX_CONCURRENT_IMAGES:
            yield f"{name}: {concurrency * instances} images at once"
    *_, concurrency, instances = sizes["submit-clip"]
    if not queued <= concurrency * instances <= 2 * queued:
        yield f"the queues send {queued} clips at once to room for {concurrency * instances}"
    for name, (*_, concurrency, instances) in sizes.items():
        if not (0 < concurrency <= 80 and 0 < instances <= 20):
            yield f"{name}: {concurrency} requests in {instances} instances"


@rule
def queues_stay_within_veos_quota(plan: Plan) -> Iterator[str]:
    found: dict[str, dict[str, Any]] = {}
    for queue in plan.of("cloud_tasks_queue"):
        rates, retry = queue.block("rate_limits"), queue.block("retry_config")
        found[queue.values["name"]] = {
            "dispatches_per_second": rates.get("max_dispatches_per_second"),
            "max_concurrent_dispatches": rates.get("max_concurrent_dispatches"),
            "retry": {
                "max_attempts": retry.get("max_attempts"),
                "min_backoff_s": _seconds(retry.get("min_backoff")),
                "max_backoff_s": _seconds(retry.get("max_backoff")),
                "max_doublings": retry.get("max_doublings"),
            },
        }
        if not 0 < (retry.get("max_attempts") or -1) <= 1000:
            yield f"{queue.address} retries without limit"
        if queue.block("stackdriver_logging_config").get("sampling_ratio") != 1:
            yield f"{queue.address} does not log every dispatch"
        if queue.values.get("desired_state") not in {None, "RUNNING"} or queue.blocks("http_target"):
            yield f"{queue.address} is paused or overrides its tasks"
    wanted = {name: _as_deployed(queue) for name, queue in declared.config("queues").items() if name != "comment"}
    if found != wanted:
        yield f"queues: {found}, not {wanted}"
    clips = [queue for name, queue in found.items() if name.startswith("clips")]
    most = sum(60 * (queue["dispatches_per_second"] or 500) for queue in clips)
    if most > VEO_REQUESTS_A_MINUTE:
        yield f"{most} clips a minute"


def _as_deployed(queue: dict[str, Any]) -> dict[str, Any]:
    """A queue of config/queues.json as Terraform deploys it: its rate a second."""
    kept = {field: value for field, value in queue.items() if field != "dispatches_per_minute"}
    return kept | {"dispatches_per_second": math.floor(queue["dispatches_per_minute"] / 60 * 65536) / 65536}


@rule
def task_deadline_covers_the_targets_timeout(plan: Plan) -> Iterator[str]:
    deadlines_s = {"submit_clip": DISPATCH_DEADLINE_S, "deliver_webhook": webhooks.DISPATCH_DEADLINE_S}
    for target in plan.of("cloudfunctions2_function"):
        deadline_s = deadlines_s.get(str(target.key))
        if deadline_s is not None and not timeout_s(target) <= deadline_s <= TASK_S:
            yield f"a task waits {deadline_s} s for a function of {timeout_s(target)} s"


@rule
def sweeper_runs_every_five_minutes_as_the_scheduler(plan: Plan) -> Iterator[str]:
    for job in plan.of("cloud_scheduler_job"):
        target, token = job.block("http_target"), job.block("http_target", "oidc_token")
        url = url_of("sweep_jobs")
        actual = {
            "name": job.values["name"],
            "schedule": job.values.get("schedule"),
            "time_zone": job.values.get("time_zone"),
            "paused": bool(job.values.get("paused")),
            "method": target.get("http_method"),
            "headers": target.get("headers"),
            "body": target.get("body"),
            "to": target.get("uri"),
            "audience": token.get("audience"),
            "as": token.get("service_account_email"),
            "retry": {name: value for name, value in job.block("retry_config").items() if value is not None},
        }
        wanted = {
            "name": "sweep-jobs",
            "schedule": "*/5 * * * *",
            "time_zone": "Etc/UTC",
            "paused": False,
            "method": "POST",
            "headers": {"Content-Type": "application/json"},
            "body": "e30=",
            "to": url,
            "audience": url,
            "as": f"film-scheduler@{PROJECT}.iam.gserviceaccount.com",
            "retry": {"retry_count": 1, "min_backoff_duration": "10s", "max_backoff_duration": "60s"},
        }
        yield from (f"{job.address}: {name} is {actual[name]!r}" for name in wanted if actual[name] != wanted[name])
        if (
            not declared.timeouts_s()["sweep-jobs"]
            <= (_seconds(job.values.get("attempt_deadline")) or 0)
            <= SCHEDULER_S
        ):
            yield f"{job.address} waits {job.values.get('attempt_deadline')}"


@rule
def every_workload_has_the_environment_of_its_settings(plan: Plan) -> Iterator[str]:
    for workload in workloads(plan):
        wanted = declared.environment(workload.name)
        found = {name: text for name, text in environment(workload).items() if name != THREADS}
        if found != wanted:
            differing = {name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name)}
            yield f"{workload.address}: {sorted(differing)}"
        missing = declared.settings_needed() - found.keys()
        if missing:
            yield f"{workload.address} lacks {sorted(missing)}"


@rule
def containers_have_the_listed_runtime_settings(plan: Plan) -> Iterator[str]:
    for service in plan.of("cloud_run_v2_service"):
        template = service.block("template")
        container: dict[str, Any] = (template.get("containers") or [{}])[0]
        resources = (container.get("resources") or [{}])[0]
        probe = (container.get("startup_probe") or [{}])[0]
        actual = {
            "environment": template.get("execution_environment"),
            "idle processor": resources.get("cpu_idle"),
            "boost": resources.get("startup_cpu_boost"),
            "probe": [one.get("path") for one in probe.get("http_get") or ()],
            "probing": (probe.get("period_seconds"), probe.get("failure_threshold")),
        }
        wanted = {
            "environment": "EXECUTION_ENVIRONMENT_GEN2",
            "idle processor": True,
            "boost": True,
            "probe": ["/healthz"],
            "probing": (2, 30),
        }
        yield from (f"{service.address}: {name} is {actual[name]!r}" for name in wanted if actual[name] != wanted[name])
        name = f"{REGION}-docker.pkg.dev/{PROJECT}/promptreel/{service.name}"
        if not re.fullmatch(rf"{re.escape(name)}@sha256:[0-9a-f]{{64}}", str(container.get("image"))):
            yield f"{service.address} runs {container.get('image')}"
        if not re.fullmatch(r"\d+s", str(template.get("timeout"))):
            yield f"{service.address}: timeout {template.get('timeout')}"


def url_of(service: str) -> str:
    return f"https://{service.replace('_', '-')}-{NUMBER}.{REGION}.run.app"


def timeout_s(workload: Resource) -> int:
    found = workload.block("service_config").get("timeout_seconds") or workload.block("template").get("timeout") or 0
    return int(str(found).removesuffix("s"))


def environment(workload: Resource) -> dict[str, str]:
    found = dict(workload.block("service_config").get("environment_variables") or {})
    for container in workload.block("template").get("containers") or ():
        found |= {variable["name"]: variable.get("value") for variable in container.get("env") or ()}
    return found


def _size(workload: Resource) -> tuple[str, str, int, int]:
    config, template = workload.block("service_config"), workload.block("template")
    if config:
        if config.get("min_instance_count"):
            return ("0Gi", "instances that wait", 0, 0)
        concurrency, instances = config["max_instance_request_concurrency"], config["max_instance_count"]
        return config["available_memory"], str(config.get("available_cpu")), concurrency, instances
    limits = template["containers"][0]["resources"][0]["limits"]
    return (
        limits.get("memory"),
        limits.get("cpu"),
        template.get("max_instance_request_concurrency") or 80,
        workload.block("scaling").get("max_instance_count") or 0,
    )


def _seconds(text: Any) -> int | None:
    return int(text.removesuffix("s")) if isinstance(text, str) and re.fullmatch(r"\d+s", text) else None
