"""`make deploy` and `make destroy` without a cloud: real Terraform, its state in a real object-store server.

Google's API is the provider's stand-in, and a script in gcloud's place answers the few commands that are used.
"""

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.contract.ports.emulators import storage
from tools.terraform import inventory
from tools.terraform.plan import PROJECT
from tools.terraform.terraform import Workspace, workspace

STATE_BUCKET = f"{PROJECT}-tfstate"

# Images exist once built and buckets once created; every other command just succeeds. A deployment runs dozens of them,
# so each case imports what it needs.
GCLOUD = """#!{python} -IS
import json, os, sys
command, built = sys.argv[1:], os.environ["BUILT"]
with open(os.environ["COMMANDS"], "a") as log:
    log.write(json.dumps(command) + "\\n")
buckets = os.environ["BUCKETS"]
match command:
    case ["config", "get-value", "account"]:
        print(os.environ["ACCOUNT"])
    case ["projects", "describe", *_]:
        print("123456789012")
    case ["storage", "buckets", "describe", _, "--raw", *_]:
        print(os.environ["BUCKET_OWNER"])
    case ["workflows", "executions", "list", *_]:
        print("e-1")
    case ["billing", "projects", "describe", *_]:
        print("0A1B2C-3D4E5F-6A7B8C")
    case ["storage", "buckets", "describe", bucket, *_]:
        from urllib import error, request
        try:
            request.urlopen(f"{{buckets}}/{{bucket.removeprefix('gs://')}}")
        except error.HTTPError:
            sys.exit("not found")
    case ["storage", "buckets", "create", bucket, *_]:
        from urllib import request
        request.urlopen(buckets, json.dumps({{"name": bucket.removeprefix("gs://")}}).encode())
    case ["builds", "submit", *options]:
        (names,) = (one.partition("=")[2] for one in options if one.startswith("--substitutions="))
        given = dict(one.split("=") for one in names.split(","))
        with open(built, "a") as images:
            wanted = [name for name in ("stitcher", "studio") if given[f"_{{name.upper()}}"] == "yes"]
            images.writelines(f"{{given['_IMAGES']}}/{{name}}:{{given['_TAG']}}\\n" for name in wanted)
    case ["artifacts", "docker", "images", "describe", image, *_]:
        if not os.path.exists(built) or image not in open(built).read().split():
            sys.exit("not found")
        import hashlib
        print("sha256:" + hashlib.sha256(image.encode()).hexdigest())
"""


@dataclass(frozen=True, slots=True)
class Checkout:
    """An operator's copy of the checkout, and a cloud that is empty at first."""

    place: Workspace
    store: str
    """The object store's URL."""

    def operate(
        self,
        command: str,
        typed: str,
        *options: str,
        code: int = 0,
        account: str = "ops@example.com",
        bucket_owner: str = "123456789012",
    ) -> str:
        """Run ``python -m infra.operate`` with this input, check its exit code, and return its output."""
        folder = self.place.folder
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "GOOGLE_"))}
        environment |= {
            "PATH": f"{folder / 'bin'}{os.pathsep}{environment['PATH']}",
            "PYTHONPATH": f"{folder}{os.pathsep}{folder / 'functions'}",
            "COMMANDS": str(folder / "commands.jsonl"),
            "ACCOUNT": account,
            "BUCKET_OWNER": bucket_owner,
            "BUILT": str(folder / "built.txt"),
            "BUCKETS": f"{self.store}/storage/v1/b",
            "GOOGLE_BACKEND_STORAGE_CUSTOM_ENDPOINT": f"{self.store}/storage/v1/",
            "GOOGLE_OAUTH_ACCESS_TOKEN": "unused",
            "TF_REATTACH_PROVIDERS": self.place.providers,
            "TF_CLI_CONFIG_FILE": os.devnull,
            "TF_CLI_ARGS": "-no-color",
            "CHECKPOINT_DISABLE": "1",
        }
        done = subprocess.run(
            [sys.executable, "-m", "infra.operate", command, f"--project={PROJECT}", *options],
            cwd=folder,
            env=environment,
            input=f"{typed}\n",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout + done.stderr

    def commit(self) -> None:
        identity = ("-c", "user.name=Operator", "-c", "user.email=operator@example.com")
        subprocess.run(
            ["git", *identity, "commit", "-q", "--allow-empty", "-m", "x"], cwd=self.place.folder, check=True
        )

    def remove_image(self, name: str) -> None:
        built = self.place.folder / "built.txt"
        built.write_text(
            "".join(line for line in built.read_text().splitlines(keepends=True) if f"/{name}:" not in line)
        )

    def remove_backend(self) -> None:
        """As in a fresh clone, or after another project was deployed from this one."""
        shutil.rmtree(self.place.folder / "infra/.terraform")

    def _numbered(self, *words: str) -> list[tuple[int, list[str]]]:
        lines = (self.place.folder / "commands.jsonl").read_text(encoding="utf-8").splitlines()
        requests = enumerate(json.loads(line) for line in lines)
        return [(number, request) for number, request in requests if request[: len(words)] == list(words)]

    def count(self, *words: str) -> int:
        """How many gcloud commands began with these words."""
        return len(self._numbered(*words))

    def first(self, *words: str) -> int:
        """The position of the first such command among all."""
        return self._numbered(*words)[0][0]

    def last(self, *words: str) -> list[str]:
        return self._numbered(*words)[-1][1]

    def resource_count(self) -> int:
        """The number of resources in Terraform's state."""
        state = httpx.get(f"{self.store}/storage/v1/b/{STATE_BUCKET}/o/promptreel%2Fdefault.tfstate?alt=media").json()
        return sum(len(one["instances"]) for one in state["resources"] if one["mode"] == "managed")


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    with workspace() as place, storage(tmp_path) as store:
        program = place.folder / "bin/gcloud"
        program.parent.mkdir()
        program.write_text(GCLOUD.format(python=sys.executable), encoding="utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        subprocess.run(["git", "init", "-q"], cwd=place.folder, check=True)
        prepared = Checkout(place, store)
        prepared.commit()
        yield prepared


def test_deploy_creates_upgrades_and_destroy_removes_everything(checkout: Checkout) -> None:
    listed = [name for name in json.loads(inventory.FILE.read_text()) if not name.endswith(" is made")]
    assert "nothing was applied" in checkout.operate("deploy", "no", code=1)
    assert checkout.resource_count() < len(listed) / 2, "only what builds need and what takes minutes to propagate"

    checkout.remove_image("studio")
    first = checkout.operate("deploy", "yes")

    assert checkout.count("builds", "submit") == 2
    assert checkout.last("builds", "submit")[-1].endswith("_STITCHER=no,_STUDIO=yes"), "only the missing image is built"

    assert 'api_url = "https://api-123456789012.us-central1.run.app"' in first
    # The inventory also has grants for a group and for an account of Google's that writes clips.
    assert checkout.resource_count() == len(
        [name for name in listed if "group:" not in name and "video-server" not in name]
    )
    assert checkout.count("storage", "buckets", "create") == 1

    assert "No changes." in checkout.operate("deploy", "yes"), "the deployment matches the configuration"
    assert checkout.count("storage", "buckets", "create") == 1
    assert checkout.count("builds", "submit") == 2

    checkout.commit()
    upgraded = checkout.operate("deploy", "yes")

    assert checkout.count("builds", "submit") == 3
    assert "Plan: 0 to add, 2 to change, 0 to destroy." in upgraded, "the two images"

    elsewhere = checkout.operate("deploy", "yes", "--region=europe-west1", code=1)
    assert f"{PROJECT} is deployed in us-central1. REGION=europe-west1 would delete" in elsewhere
    second = checkout.operate("deploy", "yes", account="second@example.com")
    assert "You are no operator of this deployment, which stays with ops@example.com." in second
    assert "No changes." in second, "a second operator who deploys does not remove the first"

    checkout.remove_backend()
    checkout.operate("destroy", PROJECT)

    assert checkout.resource_count() == 0
    assert checkout.count("storage", "rm") == 5
    first_rm = checkout.first("storage", "rm")
    for writer in (("scheduler", "jobs", "pause"), ("tasks", "queues", "pause"), ("workflows", "executions", "cancel")):
        assert checkout.first(*writer) < first_rm, "nothing writes while buckets are emptied"
    assert f"Nothing is deployed in {PROJECT}." in checkout.operate("destroy", PROJECT)


def test_destroy_removes_what_an_aborted_deployment_created(checkout: Checkout) -> None:
    checkout.operate("deploy", "no", "--region=europe-west1", code=1)
    assert checkout.resource_count() > 0

    checkout.operate("destroy", PROJECT)

    assert checkout.resource_count() == 0
    assert checkout.count("scheduler", "jobs", "pause", "sweep-jobs", "--location=europe-west1") == 1


def test_deploy_refuses_a_state_bucket_of_another_project(checkout: Checkout) -> None:
    checkout.operate("bootstrap", "")

    refused = checkout.operate("deploy", "yes", code=1, bucket_owner="999")

    assert f"gs://{STATE_BUCKET} belongs to project number 999, not to {PROJECT}" in refused
    assert "Terraform" not in refused
    assert checkout.count("builds", "submit") == 0
