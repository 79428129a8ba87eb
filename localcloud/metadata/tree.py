"""The metadata server's values as one tree, and the two ways it shows a folder: a listing, or JSON.

Pure: what a path holds, not how it is asked for.
"""

import json
from typing import Any, TypeAlias

from localcloud.metadata.tokens import subject

Tree: TypeAlias = dict[str, Any]

SCOPES = ("https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/userinfo.email")
ZONE = "us-central1-a"
REGION = "us-central1"


def metadata_tree(project: str, own_account: str) -> Tree:
    """All fixed values under ``/computeMetadata/v1``; tokens are made on request and not part of it."""
    number = project_number(project)
    return {
        "project": {"project-id": project, "numeric-project-id": number},
        "instance": {
            "id": subject(own_account)[:19],
            "region": f"projects/{number}/regions/{REGION}",
            "zone": f"projects/{number}/zones/{ZONE}",
            "service-accounts": {"default": account_tree(own_account), own_account: account_tree(own_account)},
        },
        "universe": {"universe-domain": "googleapis.com"},
    }


def account_tree(email: str) -> Tree:
    return {"aliases": ["default"], "email": email, "scopes": list(SCOPES)}


def project_number(project: str) -> str:
    """A stable 12-digit number for a project id."""
    return subject(project)[-12:].rjust(12, "1")


def find(tree: Tree, path: str) -> Any:
    """The value at ``a/b/c`` (empty parts ignored).

    Raises:
        KeyError: there is none.
    """
    value: Any = tree
    for part in path.split("/"):
        if part:
            if not isinstance(value, dict):
                raise KeyError(path)
            value = value[part]
    return value


def listing(value: Any) -> str:
    """A folder's names, sub-folders with a slash; a list's items one a line; a value itself."""
    if isinstance(value, dict):
        return "".join(f"{name}/\n" if isinstance(inner, dict) else f"{name}\n" for name, inner in value.items())
    if isinstance(value, list):
        return "".join(f"{item}\n" for item in value)
    return str(value)


def recursive(value: Any) -> str:
    """The folder and all below as JSON, keys in the camelCase of the real server (e-mail addresses as they are)."""
    return json.dumps(_camel_keys(value))


def _camel_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {_camel(name): _camel_keys(inner) for name, inner in value.items()}
    return value


def _camel(name: str) -> str:
    if "@" in name:
        return name
    head, *rest = name.split("-")
    return head + "".join(word.capitalize() for word in rest)
