"""Kernel text as a file that is imported: Triton reads the source of a function from its file.

The files lie in the folder ``triton`` of this package's cache, each named after its content. They
may be deleted at any time. Where that folder cannot be written, a folder of this process alone
takes its place.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import tempfile
from pathlib import Path
from types import ModuleType

from snn_fused.cpu import store


def load(text: str) -> ModuleType:
    """A new module made of this text.

    Raises:
        SyntaxError: the text is not Python.
    """
    path = file_of(text)
    name = f"snn_fused_kernel_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, "the name ends in .py"
    assert spec.loader is not None, "the name ends in .py"
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def file_of(text: str) -> Path:
    """A file that holds this text: one that is there already, mended if it differs, or a new one.

    >>> path = file_of("answer = 42\\n")
    >>> path.read_text(), path == file_of("answer = 42\\n")
    ('answer = 42\\n', True)
    """
    content = text.encode()
    name = f"{hashlib.sha256(content).hexdigest()}.py"
    folder = store.folder()
    if folder is not None:
        try:
            return _written(folder / "triton" / name, content)
        except OSError:  # a folder that cannot be read, made or written
            pass
    return _written(Path(_private_folder().name) / name, content)


def _written(path: Path, content: bytes) -> Path:
    """The path, with this content in it; other processes may write the same at this moment."""
    if not path.is_file() or path.read_bytes() != content:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        store.replace_file(path, content)
    return path


@functools.cache
def _private_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder that only this user can write; it goes away with the process."""
    return tempfile.TemporaryDirectory(prefix="snn-fused-")
