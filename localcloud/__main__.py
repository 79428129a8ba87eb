"""``python -m localcloud COMMAND``: one stand-in alone, the whole stack (``up``), or a look at a running one."""

import argparse
import sys
from importlib import import_module

COMMANDS = {
    "up": "start the whole local stack and keep it running",
    "logs": "show what the programs of a running stack have written",
    "kill": "end or freeze one program of a running stack, which starts it again",
    "workflows": "Cloud Workflows: deploy, run and describe workflows over REST and gRPC",
    "vertex": "Vertex AI: Gemini text, Gemini images and Veo",
    "tasks": "Cloud Tasks: queues with names, rates and retries",
    "eventarc": "Eventarc: bucket changes delivered as CloudEvents",
    "scheduler": "Cloud Scheduler: calls on a timetable",
    "metadata": "GCE metadata server: Application Default Credentials and ID tokens",
    "gate": "Cloud Run's invoker check in front of services",
    "iamcredentials": "IAM Credentials: signatures and tokens in a service account's name",
    "media": "Cloud Storage's signed URLs: checked, then streamed from the object store",
}

# What belongs to the whole stack lives beside the stand-ins, which know nothing of it.
_MODULES = {"up": "localstack.up", "logs": "localstack.logs", "kill": "localstack.kill"}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m localcloud", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = next((word for word in argv if word in COMMANDS), None)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        if name == chosen:  # only the chosen stand-in is imported: start-up time is felt by every test run
            module = import_module(_MODULES.get(name, f"localcloud.{name}.command"))
            module.configure(command)
            command.set_defaults(run=module.run)
    arguments = parser.parse_args(argv)
    return int(arguments.run(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
