"""Backend ``numba``: LLVM code from bodies, compiled, kept on disk, run on threads."""
