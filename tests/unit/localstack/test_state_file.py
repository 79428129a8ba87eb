"""A reader never sees half of the state file."""

import json
import threading
from pathlib import Path

from localstack.state_file import write_state


def test_state_file_is_always_complete_when_it_is_replaced_often(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_state(path, {"n": 0})
    done = threading.Event()
    seen: list[int] = []

    def read() -> None:
        while not done.is_set():
            seen.append(json.loads(path.read_text())["n"])

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(300):
        write_state(path, {"n": n, "processes": dict.fromkeys(map(str, range(500)), n)})
    done.set()
    reader.join()

    assert seen == sorted(seen)
    assert list(tmp_path.iterdir()) == [path]
