"""Which executions were running, in a file each, so that the next start can say which ones are gone."""

from pathlib import Path
from urllib.parse import quote, unquote


class Remembered:
    def __init__(self, folder: Path | None) -> None:
        """``lost`` names what the last process took with it; None remembers nothing."""
        self._folder = folder
        self.lost: tuple[str, ...] = ()
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime_ns)
            self.lost = tuple(unquote(file.read_text()) for file in files)
            for file in files:
                file.unlink()

    def add(self, name: str) -> None:
        if self._folder is not None:
            (self._folder / name.rpartition("/")[2]).write_text(quote(name, safe="/"))

    def discard(self, name: str) -> None:
        if self._folder is not None:
            (self._folder / name.rpartition("/")[2]).unlink(missing_ok=True)


NOWHERE = Remembered(None)
