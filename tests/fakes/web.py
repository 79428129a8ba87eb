"""The web, as files by their addresses."""

from promptreel.ports.pictures import Unfetchable


class FakeWeb:
    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.fetched: list[str] = []

    def fetch(self, url: str, max_bytes: int, timeout_s: float) -> bytes:
        self.fetched.append(url)
        if url not in self.files:
            raise Unfetchable("there is no such host")
        if len(self.files[url]) > max_bytes:
            raise Unfetchable(f"it has more than {max_bytes:,} bytes")
        return self.files[url]
