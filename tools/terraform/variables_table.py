"""The table of variables in infra/README.md, made from variables.tf."""

import re
from pathlib import Path

BEGIN, END = "<!-- variables -->\n", "<!-- end -->\n"
_VARIABLE = re.compile(r'^variable "(\w+)" {\n(.*?)^}', re.MULTILINE | re.DOTALL)


def page_with_table(infra: Path) -> str:
    """The text of infra/README.md with the current table."""
    before, _, rest = (infra / "README.md").read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{_table((infra / 'variables.tf').read_text(encoding='utf-8'))}{END}{after}"


def _table(text: str) -> str:
    rows = ["| name | what | type | default |", "|---|---|---|---|"]
    for name, body in _VARIABLE.findall(text):
        given = dict(re.findall(r"^  (\w+) += (.*?)(?: #.*)?$", body, re.MULTILINE))
        what = given["description"].strip('"').replace('\\"', '"').replace("|", "\\|")
        default = f"`{given['default']}`" if "default" in given else "required"
        rows.append(f"| `{name}` | {what} | {given['type']} | {default} |")
    return "\n".join(rows) + "\n"
