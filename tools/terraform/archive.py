"""The archive provider's one data source, implemented, so that tests can start the deployed source.

Like the provider: files sorted by name, one fixed time stamp, the configured mode, excludes by glob.
"""

import hashlib
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_WHEN = (2049, 1, 1, 0, 0, 0)


def read(config: dict[str, Any], base: Path) -> dict[str, Any]:
    """Write the zip and return the state of ``archive_file``; paths are relative to `base`."""
    out = base / config["output_path"]
    source = base / config["source_dir"]
    out.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in members(source, config.get("excludes") or ()):
            entry = zipfile.ZipInfo(name, _WHEN)
            entry.compress_type = zipfile.ZIP_DEFLATED
            mode = config.get("output_file_mode")
            entry.external_attr = (int(mode, 8) if mode else (source / name).stat().st_mode & 0o777) << 16
            archive.writestr(entry, (source / name).read_bytes())
    digest = hashlib.sha256(out.read_bytes()).hexdigest()
    return config | {"id": digest[:40], "output_sha256": digest, "output_size": out.stat().st_size}


def members(source: Path, excludes: Iterable[str]) -> list[str]:
    """The files to pack, as paths from the source folder."""
    excluded = [re.compile(_regex(glob)) for glob in excludes]
    files = (path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file())
    return sorted(name for name in files if not any(pattern.fullmatch(name) for pattern in excluded))


def _regex(glob: str) -> str:
    """``**/`` is any number of folders, ``*`` stays within a name; an excluded folder excludes its content."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    translated = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(translated.get(part, re.escape(part)) for part in parts) + "(?:/.*)?"
