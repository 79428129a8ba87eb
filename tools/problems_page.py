"""docs/problems.md, from the list of problems that the API explains."""

from promptreel.http.problem_list import SECTIONS, problem_list

_HEAD = """# Problems

Made from [problems.json](../functions/promptreel/data/problems.json) by `make docs`. Every refusal of the API is
a problem (RFC 9457): `type` (its place on this page, which the deployment serves at `/docs/problems`), `title`,
`status`, `detail`, `code`, `message`, `remedy` and `trace`. Programs compare `code`, which does not change within
v1; people read `message` and `remedy`.
"""


def problems_page() -> str:
    """The page."""
    parts = [_HEAD]
    for section, title in SECTIONS.items():
        has_status = section == "api"
        head = (
            ("code", "status", "what it means", "what helps") if has_status else ("code", "what it means", "what helps")
        )
        rows = [
            [f"`{code}`", *([str(one["status"])] if has_status else []), one["says"], one.get("remedy", "waiting")]
            for code, one in problem_list()[section].items()
        ]
        table = "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])
        parts.append(f"## {title}\n\n{table}\n")
    return "\n".join(parts)
