"""Who reads the state file never sees half of it."""

import json
import threading
from pathlib import Path

from localstack import statefile


def test_state_file_when_replaced_again_and_again_then_always_whole(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    statefile.replace(path, {"n": 0})
    done = threading.Event()
    seen: list[int] = []

    def read() -> None:
        while not done.is_set():
            seen.append(json.loads(path.read_text())["n"])

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(300):
        statefile.replace(path, {"n": n, "processes": dict.fromkeys(map(str, range(500)), n)})
    done.set()
    reader.join()

    assert seen == sorted(seen)
    assert list(tmp_path.iterdir()) == [path]
