"""read: the graph in a file; what is wrong with a file, in plain words."""

from __future__ import annotations

import os
import pathlib

import nir

from snn_nodes.exchange.report import ExchangeError


def read(file: str | pathlib.Path) -> nir.NIRGraph:
    """The graph in a file that ``nir.write`` has written.

    Raises:
        OSError: the file is not there, or cannot be read; of the kind that the system raised.
        ExchangeError: it holds no graph that the installed nir knows. Both name the file.

    >>> read("nowhere.nir")
    Traceback (most recent call last):
    FileNotFoundError: nowhere.nir cannot be read: No such file or directory
    """
    try:
        return nir.read(file, type_check=False)
    except OSError as error:  # HDF5's own texts run over lines
        why = os.strerror(error.errno) if error.errno else "no HDF5 file, as nir.write writes"
        raise type(error)(f"{file} cannot be read: {why}") from error
    except (AssertionError, KeyError, TypeError, ValueError) as error:  # what nir raises
        why = f"{type(error).__name__}: {' '.join(map(str, error.args))}".rstrip(": ")
        raise ExchangeError(
            f"{file} holds no graph that nir {nir.version} can read: {why}"
        ) from error
