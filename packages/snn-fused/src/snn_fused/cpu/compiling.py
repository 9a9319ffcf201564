"""From LLVM IR text to a function that this process can call, by way of the cache on disk."""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import os
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from snn_fused.cpu import store

# Held while LLVM works: one of its contexts serves one thread at a time.
_LOCK = threading.RLock()
if hasattr(os, "register_at_fork"):  # a child must not inherit it held by a thread that is gone
    os.register_at_fork(
        before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release
    )

_Function = Callable[[int, int, int, int], None]


class Kernel(NamedTuple):
    """A compiled function ``kernel(table, lo, hi, scratch)`` and what keeps it in memory.

    Args:
        call: the function, of four integers: the address of the table, the range, the address of
            the scratch memory. It runs without the interpreter's lock.
        address: where its code begins, for callers that are compiled themselves.
        engine: the owner of the code.
    """

    call: _Function
    address: int
    engine: object


class Host(NamedTuple):
    """The processor that code is made for, in LLVM's words."""

    triple: str
    cpu: str
    features: str


def load(source: str) -> Kernel:
    """The function ``kernel`` of a module of LLVM IR: compiled once, or read from the cache.

    Several threads may call this at once. What the module declares and does not define is looked
    up among the functions of the C library.

    Raises:
        RuntimeError: the text is not a module; the message is LLVM's.
    """
    with _LOCK:
        return _load(source)


def vector_bytes() -> int:
    """How many bytes the widest vectors of this processor hold: 64, 32 or 16.

    >>> vector_bytes() in (64, 32, 16)
    True
    """
    with _LOCK:
        enabled = {word for word in _host().features.split(",") if word.startswith("+")}
    if "+avx512f" in enabled:
        return 64
    return 32 if "+avx" in enabled else 16


def assembly(source: str) -> str:
    """The assembly text that ``load`` would make of a module, for reading."""
    with _LOCK:
        machine = _machine()
        return str(machine.emit_assembly(_optimised(source, machine)))


@functools.cache
def _load(source: str) -> Kernel:
    name = store.name_of(source, *_versions(), *_host())
    code = store.fetch(name)
    if code is None:
        machine = _machine()
        code = machine.emit_object(_optimised(source, machine))
        store.keep(name, code)
    return _link(code)


def _optimised(source: str, machine: Any) -> Any:
    """The module after LLVM's passes. They keep every rounding: no flag allows them not to."""
    llvm = _llvm()
    module = llvm.parse_assembly(source, _context())
    module.verify()
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
    builder.getModulePassManager().run(module, builder)
    return module


def _link(code: bytes) -> Kernel:
    llvm = _llvm()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly("", _context()), _machine())
    engine.add_object_file(llvm.object_file.ObjectFileRef.from_data(code))
    engine.finalize_object()
    address = engine.get_function_address("kernel")
    prototype = ctypes.CFUNCTYPE(
        None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p
    )
    return Kernel(prototype(address), address, engine)


def _machine() -> Any:
    """A new target machine: the engine that it is given to owns it."""
    host = _host()
    target = _llvm().Target.from_triple(host.triple)
    return target.create_target_machine(
        cpu=host.cpu, features=host.features, opt=3, codemodel="jitdefault", jit=True
    )


@functools.cache
def _llvm() -> Any:
    """llvmlite, imported when the first kernel is wanted: that takes a tenth of a second."""
    import llvmlite.binding as llvm  # type: ignore[import-untyped]

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    if llvm.address_of_symbol("erff") is None and (library := ctypes.util.find_library("m")):
        llvm.load_library_permanently(library)
    return llvm


@functools.cache
def _context() -> Any:
    """A context of our own: other users of llvmlite work in the common one."""
    return _llvm().create_context()


@functools.cache
def _host() -> Host:
    llvm = _llvm()
    features = llvm.get_host_cpu_features().flatten()
    return Host(llvm.get_process_triple(), llvm.get_host_cpu_name(), features)


def _versions() -> tuple[str, str]:
    import llvmlite

    return llvmlite.__version__, str(_llvm().llvm_version_info)
