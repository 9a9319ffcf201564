"""IDX files, arrays of bytes with a header: read and checked, never executed."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import torch
from torch import Tensor

UNSIGNED_BYTE = 8
GZIP = b"\x1f\x8b"


def read_idx(path: Path | str, ndim: int) -> Tensor:
    """The array of bytes in an IDX file, plain or compressed by gzip.

    The format: two zero bytes, a byte for the type of the values (here unsigned bytes, 8), a byte
    for the number of dimensions, each dimension as a big-endian 32-bit number, the values, the
    last index fastest.

    Args:
        path: of the file.
        ndim: number of dimensions that it must have.

    Returns:
        ``(*dimensions,)``, uint8.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, holds other values or another number of dimensions, or its
            length is not what its header says.

    Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits" (1998), section
    "File formats".

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "labels"
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    ...     read_idx(path, ndim=1).tolist()
    [7, 2, 1]
    """
    path = Path(path)
    content = _content(path)
    expected = bytes([0, 0, UNSIGNED_BYTE, ndim])
    if content[:4] != expected:
        raise ValueError(
            f"{path} does not begin as an IDX file of bytes in {ndim} dimensions does: expected "
            f"{expected.hex(' ')}, got {content[:4].hex(' ') or 'nothing'}; take the file as "
            "published"
        )
    header = 4 + 4 * ndim
    sizes = [int.from_bytes(content[at : at + 4], "big") for at in range(4, header, 4)]
    values = content[header:]
    if len(content) < header or len(values) != math.prod(sizes):
        raise ValueError(
            f"{path} says that it holds {' x '.join(map(str, sizes))} values, but holds "
            f"{len(values)}; it is damaged: take the file as published"
        )
    return torch.frombuffer(bytearray(values), dtype=torch.uint8).reshape(sizes)


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    if not content.startswith(GZIP):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be decompressed ({error}); it is damaged") from error
