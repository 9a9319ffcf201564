"""The object code of kernels in a folder on disk, so that a later process need not compile.

The folder is that of the environment variable ``SNN_FUSED_CACHE``, else ``snn-fused`` in the
user's folder of caches. It may be deleted at any time. Where it cannot be read or written, kernels
are compiled anew in each process, without a word. Files hold code that this process will run:
let nobody else write to the folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from pathlib import Path

_MAGIC = b"snn-fused kernel 1\n"
_DIGEST_SIZE = hashlib.sha256().digest_size


def name_of(*parts: str) -> str:
    """The name of the file for code that depends on these texts and on nothing else.

    >>> name_of("a", "b") == name_of("a", "b"), name_of("ab") == name_of("a", "b")
    (True, False)
    """
    digest = hashlib.sha256()
    for part in parts:
        text = part.encode()
        digest.update(len(text).to_bytes(8, "little"))
        digest.update(text)
    return digest.hexdigest()


def fetch(name: str) -> bytes | None:
    """The code kept under a name; None where there is none, or where the file is damaged."""
    place = folder()
    if place is None:
        return None
    try:
        content = (place / name).read_bytes()
    except OSError:
        return None
    header, code = _split(content)
    return code if header == _header(name, code) else None


def keep(name: str, code: bytes) -> None:
    """Write code under a name, at once or not at all: other processes may read and write too."""
    place = folder()
    if place is None:
        return
    with contextlib.suppress(OSError):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(place / name, _header(name, code) + code)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file at once or not at all; the last of several writers stays."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)  # noqa: PTH105  (mkstemp gives a string)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _header(name: str, code: bytes) -> bytes:
    """What stands before the code; it holds the name, so that a file moved is found out."""
    return _MAGIC + hashlib.sha256(name.encode() + code).digest()


def _split(content: bytes) -> tuple[bytes, bytes]:
    size = len(_MAGIC) + _DIGEST_SIZE
    return content[:size], content[size:]


def folder() -> Path | None:
    """Where the files lie; None for a user without a home."""
    if chosen := os.environ.get("SNN_FUSED_CACHE"):
        return Path(chosen)
    try:
        return _caches() / "snn-fused"
    except RuntimeError:
        return None


def _caches() -> Path:
    """The folder that this system has for the caches of its user.

    Raises:
        RuntimeError: the user has no home.
    """
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    variable = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"
    chosen = Path(os.environ.get(variable, ""))
    return chosen if chosen.is_absolute() else Path.home() / ".cache"
