"""Films in a style on the whole stack: what reaches the models is the craft, never a name."""

import json

from localcloud.tests import loopback
from tests.e2e.stack import ONE_SHORT_SCENE, Stack

NAME = "Wes Anderson"
PASTEL = "strictly symmetrical compositions"


def sent(stack: Stack) -> list[str]:
    """The bodies of the requests that the fake Vertex AI received, as text."""
    bodies: list[str] = loopback.get(f"{stack.state['vertex']}/_local/requests").json()
    return bodies


def test_style_by_id_alias_own_words_and_file_reaches_the_models_and_no_name_does(stack: Stack) -> None:
    own = {"visual_style": "ink on newsprint with torn corners"}
    stack.upload("styles/desk.yaml", b"visual_style: charcoal on butcher paper\nlight: one bare bulb\n")
    submitted = {
        PASTEL: stack.submit("One scene of a heron at dawn", style="symmetrical-pastel", **ONE_SHORT_SCENE),
        "heron that hunts": stack.submit(f"A heron that hunts, in the style of {NAME}", **ONE_SHORT_SCENE),
        "torn corners": stack.submit(f"One scene of a heron who meets {NAME.upper()}", style=own, **ONE_SHORT_SCENE),
        "butcher paper": stack.submit("One scene of a heron at noon", style="styles/desk.yaml", **ONE_SHORT_SCENE),
    }

    jobs = {words: stack.wait(job_id) for words, job_id in submitted.items()}

    assert {job["state"] for job in jobs.values()} == {"COMPLETE"}, [job["error"] for job in jobs.values()]
    bodies = sent(stack)
    for words, job in jobs.items():
        assert [body for body in bodies if words in body], words
        shown = job["scenes"][0]["prompts"]["clip"]["sent"]
        spelled = json.dumps(shown, ensure_ascii=False)[1:-1]
        assert [body for body in bodies if spelled in body], "the clip's prompt, as its owner sees it, was sent"
    assert [body for body in bodies if "anderson" in body.lower()] == []
    assert jobs["heron that hunts"]["request"]["prompt"].endswith(NAME)
    assert [line for line in jobs["heron that hunts"]["warnings"] if NAME in line and "symmetrical-pastel" in line]
    assert PASTEL in jobs["heron that hunts"]["scenes"][0]["prompts"]["clip"]["sent"]
    assert jobs["butcher paper"]["request"]["style"]["source"] == "styles/desk.yaml"
    listed = loopback.get(
        f"{stack.state['storage']}/storage/v1/b/{stack.project}-results/o", params={"prefix": "reports/styles/"}
    ).json()
    assert listed.get("items", []) == [], "a style file gets no report"
