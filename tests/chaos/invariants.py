"""What must hold after any run, whatever was killed: docs/invariants.md says why, each check here is one row of it.

Every check reads only the evidence and returns what contradicts it; nothing when it holds.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from promptreel.domain.models import VideoModel, registry
from tests.chaos.evidence import FINISHED, Evidence, Json, planned_frames
from tests.chaos.leftovers import is_allowed

PAID = frozenset({"SETTLED", "ADOPTED"})
UNUSABLE = frozenset({"defective", "missing", "changed"})
LIKE_DB = 25.0
PRINTED = 8

Check = Callable[[Evidence], Iterator[str]]


def every_job_is_complete(evidence: Evidence) -> Iterator[str]:
    """Every job ends COMPLETE after at most one resume, not counting one that raises a limit that was too low."""
    for submission in evidence.submissions:
        state = evidence.jobs.get(submission.job_id, {}).get("state", "unknown")
        if state != "COMPLETE" or submission.trouble:
            error = evidence.jobs.get(submission.job_id, {}).get("error")
            yield f"{submission.name} is {state} after {submission.resumes} resumes: {submission.trouble or error}"


def no_gate_is_passed_without_approval(evidence: Evidence) -> Iterator[str]:
    """A film that was to wait for its owner is complete only after its owner let it pass."""
    for submission in evidence.submissions:
        if submission.film.waits_for_approval and submission.state == "COMPLETE" and not submission.approvals:
            yield f"{submission.name}: {submission.film.request['approval']} was never approved"


def every_picture_is_checked_and_every_sheet_ended(evidence: Evidence) -> Iterator[str]:
    """No film is complete whose check has not ended, or of which a sheet is neither drawn nor given up.

    Films that an older version has planned are not checked.
    """
    checked = {one.job_id for one in evidence.submissions if one.film.request.get("checks")}
    for job_id, job in evidence.jobs.items():
        if job["state"] != "COMPLETE":
            continue
        if job_id in checked and not job.get("check"):
            yield f"{job_id}: its keyframes were filmed without a check"
        for sheet in job.get("sheets", ()):
            if sheet["image"] is None and sheet["error"] is None:
                yield f"{job_id}: {sheet['id']} is neither drawn nor given up"


def one_job_per_request(evidence: Evidence) -> Iterator[str]:
    """A repeated submission, upload or event never makes a second job."""
    known = {submission.job_id for submission in evidence.submissions}
    for job_id, job in evidence.jobs.items():
        if job_id not in known:
            yield f"no request was submitted for {job_id}: {job['request']['prompt']}"


def known_outcomes_equal_the_bill(evidence: Evidence) -> Iterator[str]:
    """Every call with a known outcome costs in the ledger what the provider billed for it, to the micro-dollar."""
    billed = _clips_billed(evidence)
    for job, call in evidence.calls("video"):
        micros = sum(line["micros"] for line in billed.pop(call["id"], []))
        known = call["cost_micros"] if call["state"] in PAID else 0
        is_wrong = micros > known if _cost_is_unknown(call) else micros != known
        if call["state"] in PAID | {"RELEASED"} and is_wrong:
            yield f"{job} {call['purpose']} attempt {call['attempt']}: {call['state']} {known}, billed {micros}"
    for call_id, lines in billed.items():
        if any(line["micros"] for line in lines):
            yield f"a clip was billed that no ledger knows: {call_id} {lines}"
    for model, (settled, paid) in _answers(evidence).items():
        for micros, count in (settled - paid).items():
            yield f"{model}: {count} calls settled at {micros}, which the provider did not bill"


def ledger_covers_the_bill(evidence: Evidence) -> Iterator[str]:
    """All ledgers together are never below the bill, nor above it by more than the reserved price of unknown costs.

    The cost of a call is unknown when its answer was lost, or did not report its usage. A text or picture adopted after
    its answer was lost counts as lost here.
    """
    above = ledger_micros(evidence) - bill_micros(evidence)
    allowance = unknown_micros(evidence)
    if not 0 <= above <= allowance:
        yield f"ledger - bill = {above} micro-dollars; calls of unknown cost allow 0 to {allowance}"
    unknown = Counter(call["model"] for _, call in evidence.calls("text", "image") if _cost_is_unknown(call))
    for model, (settled, paid) in _answers(evidence).items():
        if (paid - settled).total() > unknown[model]:
            yield f"{model}: {(paid - settled).total()} paid answers beside {unknown[model]} calls of unknown cost"


def no_video_paid_twice(evidence: Evidence) -> Iterator[str]:
    """One scene's take is paid at most once, however often it was sent; a second take only for an unusable clip.

    At most one clip of a scene is refilmed until a person resumes the job.
    """
    billed = _clips_billed(evidence)
    takes = defaultdict[tuple[str, str, int], list[Json]](list)
    for job, call in evidence.calls("video"):
        takes[job, call["scene"], call["take"]].append(call)
        if len(billed.get(call["id"], [])) > 1:
            yield f"{job} {call['purpose']} attempt {call['attempt']} was accepted twice: {billed[call['id']]}"
    for (job, scene, take), calls in takes.items():
        lines = [line for call in calls for line in billed.get(call["id"], []) if line["micros"]]
        paid = [call["id"] for call in calls if call["state"] in PAID]
        if len(lines) > 1 or len(paid) > 1:
            yield f"{job} {scene} take {take}: paid {paid}, billed {lines}"
    resumes, unusable = (
        {submission.job_id: submission.resumes for submission in evidence.submissions},
        _unusable_clips(evidence),
    )
    scenes = defaultdict[tuple[str, str], list[str]](list)
    for (job, scene, _), calls in sorted(takes.items()):
        scenes[job, scene] += [call["id"] for call in calls if call["state"] in PAID]
    for (job, scene), paid in scenes.items():
        if not unusable.issuperset(paid[:-1]) or len(paid) > 2 + resumes.get(job, 0):
            yield f"{job} {scene}: paid {paid}, of which {sorted(unusable.intersection(paid))} could not be used"


def no_delivered_video_lost(evidence: Evidence) -> Iterator[str]:
    """Every clip that was billed is the clip of its scene, or was rejected as unusable."""
    clips = {scene["clip"]["uri"] for job in evidence.jobs.values() for scene in job["scenes"] if scene["clip"]}
    unusable = _unusable_clips(evidence)
    for line in _clip_lines(evidence):
        if not line["micros"] or line["call"] in unusable:
            continue
        if not any(f"/{line['call']}/" in uri for uri in clips):
            yield f"bill line {line['n']} of {line['model']}: {line['call']} is in no scene ({line['outcome']})"


def copies_are_free_and_name_their_source(evidence: Evidence) -> Iterator[str]:
    """What was taken over costs nothing, lies in the folder of its own job, and names a paid call of another one."""
    paid = {(job, call["id"]): call for job, call in evidence.calls() if call["state"] in PAID and call["storage_uri"]}
    for job, call in evidence.calls():
        if not call["source"]:
            continue
        source = paid.get((call["source"]["job"], call["source"]["call"]))
        is_alike = source is not None and (source["kind"], source["model"]) == (call["kind"], call["model"])
        is_own = (call["storage_uri"] or "").startswith(f"{evidence.bucket}jobs/{job}/reused/")
        is_free = (call["state"], call["cost_micros"], call["operation"]) == ("SETTLED", 0, None)
        if not (is_alike and is_own and is_free) or call["source"]["job"] == job:
            yield f"{job} {call['purpose']}: {call['state']} {call['cost_micros']} copied from {call['source']}"


def budget_is_never_exceeded(evidence: Evidence) -> Iterator[str]:
    """Whenever it was read during the run, and after it, spent and reserved together are within the limit."""
    for submission in evidence.submissions:
        for sight in submission.over_budget:
            yield f"{submission.name}: {sight}"
    for job, ledger in evidence.ledgers.items():
        totals = ledger["totals"]
        if totals["spent_micros"] + totals["reserved_micros"] > totals["limit_micros"]:
            yield f"{job}: {totals}"


def no_artifact_unreferenced(evidence: Evidence) -> Iterator[str]:
    """Every object in the bucket is named by a job, a scene or a call; leftovers.py lists the exceptions."""
    named = {uri for job in evidence.jobs for uri in _references(evidence, job)}
    for uri in sorted(evidence.objects - named):
        if not is_allowed(uri, evidence):
            yield uri


def no_reference_dangles(evidence: Evidence) -> Iterator[str]:
    """Every address that a job, a scene or a call names is an object in the bucket, or a clip reported as missing."""
    missing = _clips_with(evidence, "missing")
    for job in evidence.jobs:
        for uri in sorted(_references(evidence, job) - evidence.objects):
            if not missing.intersection(uri.split("/")):
                yield f"{job}: {uri}"


def every_film_is_right(evidence: Evidence) -> Iterator[str]:
    """Each film has the planned length, and shows each scene's own clip in its place."""
    for job_id, job in evidence.jobs.items():
        look = evidence.films.get(job_id)
        if look is None:
            continue
        reported, planned = job["output"]["frames"], planned_frames(job)
        if reported != planned or not look.has_reported_length:
            yield f"{job_id}: {reported} frames are reported, {planned} planned, {look.has_reported_length=}"
        for scene, like in look.recognised.items():
            if like != scene or look.likeness_db[scene] < LIKE_DB:
                yield f"{job_id}: in the place of {scene} is {like} ({look.likeness_db[scene]:.1f} dB)"
        if missing := {scene["id"] for scene in job["scenes"] if scene["clip"]} - look.recognised.keys():
            yield f"{job_id}: the film does not show {sorted(missing)}"


def no_lease_left(evidence: Evidence) -> Iterator[str]:
    """No call is unfinished and no render is leased once every job is final."""
    for job, call in evidence.calls():
        if call["state"] not in FINISHED:
            yield f"{job} {call['purpose']} attempt {call['attempt']} is {call['state']}"
    now = datetime.now(UTC)
    for render in evidence.renders:
        lease = render["lease"]
        if render["state"] != "DONE" and lease and datetime.fromisoformat(lease["until"]) > now:
            yield f"render {render['id']} of {render['job']} is leased until {lease['until']}"


def unreadable_documents_are_reported(evidence: Evidence) -> Iterator[str]:
    """The sweeper logs each document that it cannot read, and goes on with the others."""
    yield from (f"not reported: {path}" for path, is_reported in evidence.unreadable.items() if not is_reported)


def no_process_left(evidence: Evidence) -> Iterator[str]:
    """After the stack was stopped, none of its processes is left."""
    yield from evidence.left_processes


ALL: tuple[Check, ...] = (
    every_job_is_complete,
    no_gate_is_passed_without_approval,
    every_picture_is_checked_and_every_sheet_ended,
    one_job_per_request,
    known_outcomes_equal_the_bill,
    ledger_covers_the_bill,
    no_video_paid_twice,
    no_delivered_video_lost,
    copies_are_free_and_name_their_source,
    budget_is_never_exceeded,
    no_artifact_unreferenced,
    no_reference_dangles,
    every_film_is_right,
    no_lease_left,
    unreadable_documents_are_reported,
    no_process_left,
)


def broken(evidence: Evidence) -> list[str]:
    """Every contradiction, after the name of the check that found it; of each check the first few."""
    found = []
    for check in ALL:
        contradictions = list(check(evidence))
        found += [f"{check.__name__}: {one}" for one in contradictions[:PRINTED]]
        if len(contradictions) > PRINTED:
            found.append(f"{check.__name__}: and {len(contradictions) - PRINTED} more")
    return found


def ledger_micros(evidence: Evidence) -> int:
    """What all jobs say they have spent."""
    return sum(int(ledger["totals"]["spent_micros"]) for ledger in evidence.ledgers.values())


def bill_micros(evidence: Evidence) -> int:
    return sum(int(line["micros"]) for line in evidence.bill)


def unknown_micros(evidence: Evidence) -> int:
    """Reserved price of the calls whose cost is unknown."""
    return sum(int(call["reserved_micros"]) for _, call in evidence.calls() if _cost_is_unknown(call))


def _cost_is_unknown(call: Json) -> bool:
    if call["source"]:
        return False  # nothing was sent for it
    is_lost = call["state"] == "LOST" or (call["state"] == "ADOPTED" and call["kind"] != "video")
    return bool(is_lost or _usage_is_assumed(call) or _tokens_are_unknown(call))


def _tokens_are_unknown(call: Json) -> bool:
    """Whether it is a clip that is paid by tokens which nobody reported: adopted, or answered without usage."""
    model = registry().model(call["model"])
    is_paid_by_tokens = isinstance(model, VideoModel) and bool(model.tokens_per_second)
    return is_paid_by_tokens and call["state"] in PAID and call["usage"] is None


def _usage_is_assumed(call: Json) -> bool:
    return bool(call["usage"] and call["usage"]["assumed"])


def _unusable_clips(evidence: Evidence) -> frozenset[str]:
    """Calls whose clips were rejected after they had been paid for."""
    return _clips_with(evidence, *UNUSABLE)


def _clips_with(evidence: Evidence, *outcomes: str) -> frozenset[str]:
    """Calls of which a scene says that they ended so."""
    scenes = (scene for job in evidence.jobs.values() for scene in job["scenes"])
    attempts = (attempt for scene in scenes for attempt in scene["attempts"])
    return frozenset(attempt["call"] for attempt in attempts if attempt["outcome"] in outcomes)


def _clip_lines(evidence: Evidence) -> list[Json]:
    return [line for line in evidence.bill if line["call"]]


def _clips_billed(evidence: Evidence) -> dict[str, list[Json]]:
    """Lines of the bill by the call they are for."""
    billed = defaultdict[str, list[Json]](list)
    for line in _clip_lines(evidence):
        billed[line["call"]].append(line)
    return dict(billed)


def _answers(evidence: Evidence) -> Mapping[str, tuple[Counter[int], Counter[int]]]:
    """By model of texts and pictures: what settled calls cost, and what was billed. The bill names no job for them."""
    settled, lines = defaultdict[str, Counter[int]](Counter), defaultdict[str, Counter[int]](Counter)
    for _, call in evidence.calls("text", "image"):
        if call["state"] == "SETTLED" and not call["source"] and not _usage_is_assumed(call):
            settled[call["model"]][call["cost_micros"]] += 1
    for line in evidence.bill:
        if not line["call"] and line["micros"]:
            lines[line["model"]][line["micros"]] += 1
    return {model: (settled[model], lines[model]) for model in settled | lines}


def _references(evidence: Evidence, job_id: str) -> set[str]:
    """Every address in the API's answers about a job, and in its renders."""
    renders = [render for render in evidence.renders if render["job"] == job_id]
    answers = (evidence.jobs[job_id], evidence.ledgers[job_id], renders)
    return {text for text in _texts(answers) if text.startswith(evidence.bucket) and not text.endswith("/")}


def _texts(document: object) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, Mapping):
        yield from _texts(tuple(document.values()))
    elif isinstance(document, Sequence):
        for item in document:
            yield from _texts(item)
