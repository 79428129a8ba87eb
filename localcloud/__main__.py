"""``python -m localcloud COMMAND``: one stand-in alone; with localstack installed, also the whole stack."""

import argparse
import sys
from importlib import import_module
from importlib.util import find_spec

STAND_INS = {
    "workflows": "Cloud Workflows: deploy, run and describe workflows over REST and gRPC",
    "vertex": "Vertex AI: Gemini text, Gemini images and Veo",
    "replicate": "Replicate: predictions, their webhooks and their files",
    "tasks": "Cloud Tasks: queues with names, rates and retries",
    "eventarc": "Eventarc: bucket changes delivered as CloudEvents",
    "scheduler": "Cloud Scheduler: calls on a timetable",
    "metadata": "GCE metadata server: Application Default Credentials and ID tokens",
    "gate": "Cloud Run's invoker check in front of services",
    "iamcredentials": "IAM Credentials: signatures and tokens in a service account's name",
    "secretmanager": "Secret Manager: secrets and their versions",
    "media": "Cloud Storage's signed URLs: checked, then streamed from the object store",
}

# Commands of the whole stack, a package of its own that the stand-ins know by name only.
STACK = {
    "up": ("start the whole local stack and keep it running", "localstack.up"),
    "logs": ("show what the programs of a running stack have written", "localstack.logs"),
    "kill": ("end or freeze one program of a running stack, which starts it again", "localstack.kill"),
}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m localcloud", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    available = STACK if find_spec("localstack") else {}
    available = available | {name: (summary, f"localcloud.{name}.app") for name, summary in STAND_INS.items()}
    chosen = next((word for word in argv if word in available), None)
    for name, (summary, module_name) in available.items():
        command = commands.add_parser(name, help=summary, description=summary)
        if name == chosen:  # only the chosen stand-in is imported: start-up time is felt by every test run
            module = import_module(module_name)
            module.configure(command)
            command.set_defaults(run=module.run)
    arguments = parser.parse_args(argv)
    return int(arguments.run(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
