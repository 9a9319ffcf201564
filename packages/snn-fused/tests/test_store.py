"""Compiled code: the cache on disk, whatever happens to it, and what compilation must keep."""

import ctypes
import os
import subprocess
import sys
import threading

import pytest
from snn_fused.cpu import compiling, store

# Multiplies the number at the table.
MULTIPLIED = """
define void @kernel(ptr %table, i64 %lo, i64 %hi, ptr %scratch) {{
  %x = load i64, ptr %table
  %y = mul i64 %x, {factor}
  store i64 %y, ptr %table
  ret void
}}
"""

# scratch[0] = a * b + c, scratch[1] = erff(sinf(a)), with a, b, c at the table.
ARITHMETIC = """
declare float @sinf(float)
declare float @erff(float)
define void @kernel(ptr %table, i64 %lo, i64 %hi, ptr %scratch) {
  %abc = load <3 x float>, ptr %table, align 4
  %a = extractelement <3 x float> %abc, i64 0
  %b = extractelement <3 x float> %abc, i64 1
  %c = extractelement <3 x float> %abc, i64 2
  %product = fmul float %a, %b
  %sum = fadd float %product, %c
  store float %sum, ptr %scratch
  %sine = call float @sinf(float %a)
  %erf = call float @erff(float %sine)
  %second = getelementptr float, ptr %scratch, i64 1
  store float %erf, ptr %second
  ret void
}
"""

LOAD_AND_CALL = """
import ctypes, sys
from snn_fused.cpu import compiling
number = ctypes.c_int64(21)
compiling.load(sys.stdin.read(int(sys.argv[1]))).call(ctypes.addressof(number), 0, 1, 0)
print(number.value)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache, and no kernel in memory that a test might take instead."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("SNN_FUSED_CACHE", str(folder))
    compiling._load.cache_clear()
    return folder


@pytest.fixture
def compiled(monkeypatch):
    """The sources compiled so far, not read from the cache."""
    sources = []
    optimised = compiling._optimised

    def noted(source, machine):
        sources.append(source)
        return optimised(source, machine)

    monkeypatch.setattr(compiling, "_optimised", noted)
    return sources


def result(source, number=21):
    given = ctypes.c_int64(number)
    compiling.load(source).call(ctypes.addressof(given), 0, 1, 0)
    return given.value


def forget():
    """As in a new process."""
    compiling._load.cache_clear()


def test_what_is_kept_is_fetched(folder):
    assert store.fetch("name") is None
    store.keep("name", b"code")
    store.keep("empty", b"")
    assert (store.fetch("name"), store.fetch("empty")) == (b"code", b"")
    assert sorted(path.name for path in folder.iterdir()) == ["empty", "name"]


def test_the_name_depends_on_where_one_part_ends():
    names = [store.name_of(*parts) for parts in (("ab",), ("a", "b"), ("", "ab"), ("ab", ""))]
    assert len(set(names)) == 4


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:10],
        lambda content: content[:-1],
        lambda content: content + b"more",
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: b"x" + content[1:],
    ],
)
def test_a_damaged_file_is_compiled_again_and_replaced(folder, compiled, damage):
    source = MULTIPLIED.format(factor=2)
    assert result(source) == 42
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    forget()
    assert result(source) == 42
    assert path.read_bytes() == whole
    assert len(compiled) == 2


def test_a_file_under_the_name_of_another_is_not_taken(folder):
    store.keep("one", b"code")
    (folder / "one").rename(folder / "other")
    assert store.fetch("other") is None


def test_a_filled_cache_saves_the_compilation(folder, compiled):
    source = MULTIPLIED.format(factor=2)
    assert [result(source), result(source)] == [42, 42]
    forget()
    assert result(source) == 42
    assert len(compiled) == 1
    assert result(MULTIPLIED.format(factor=3)) == 63
    assert len(compiled) == 2


@pytest.mark.skipif(os.name == "nt", reason="files there have no mode")
def test_only_the_user_may_enter_the_folder(folder):
    store.keep("name", b"code")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "name").stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_made_only_costs_the_cache(tmp_path, monkeypatch, compiled):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("SNN_FUSED_CACHE", str(tmp_path / "file" / "cache"))
    for _ in range(2):
        forget()
        assert result(MULTIPLIED.format(factor=2)) == 42
    assert len(compiled) == 2


def test_a_full_or_read_only_disk_only_costs_the_cache(folder, monkeypatch):
    def refused(*given, **more):
        raise PermissionError("read-only")

    folder.mkdir()
    monkeypatch.setattr(store.tempfile, "mkstemp", refused)
    assert result(MULTIPLIED.format(factor=2)) == 42
    assert list(folder.iterdir()) == []


def test_a_file_that_cannot_be_finished_leaves_nothing(folder, monkeypatch):
    def refused(*given, **more):
        raise PermissionError("in use")

    monkeypatch.setattr(store.os, "replace", refused)
    assert result(MULTIPLIED.format(factor=2)) == 42
    assert list(folder.iterdir()) == []


def test_processes_that_compile_at_once_do_not_disturb_each_other(folder):
    source = MULTIPLIED.format(factor=2)
    command = [sys.executable, "-c", LOAD_AND_CALL, str(len(source))]
    pipe = subprocess.PIPE
    running = [
        subprocess.Popen(command, stdin=pipe, stdout=pipe, env=os.environ, text=True)
        for _ in range(3)
    ]
    for process in running:  # all begin before the first is waited for
        process.stdin.write(source)
        process.stdin.flush()
    assert [process.communicate()[0] for process in running] == ["42\n"] * 3
    assert [process.returncode for process in running] == [0] * 3
    (path,) = folder.iterdir()
    assert store.fetch(path.name) is not None


def test_the_folder_is_that_of_the_users_caches(tmp_path, monkeypatch):
    monkeypatch.delenv("SNN_FUSED_CACHE", raising=False)
    monkeypatch.setattr(store.sys, "platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert store.folder() == tmp_path / ".cache" / "snn-fused"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "else"))
    assert store.folder() == tmp_path / "else" / "snn-fused"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, says the standard
    assert store.folder() == tmp_path / ".cache" / "snn-fused"


def test_a_user_without_a_home_has_no_cache(monkeypatch):
    def homeless():
        raise RuntimeError("no home")

    monkeypatch.delenv("SNN_FUSED_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(store.Path, "home", homeless)
    store.keep("name", b"code")
    assert store.fetch("name") is None


def test_products_and_sums_are_rounded_each_and_the_c_library_is_found(folder):
    given = (ctypes.c_float * 3)(1 + 2**-12, 1 + 2**-12, -1.0)
    results = (ctypes.c_float * 2)()
    compiling.load(ARITHMETIC).call(ctypes.addressof(given), 0, 1, ctypes.addressof(results))
    assert results[0] == 2**-11  # in one rounding: 2**-11 + 2**-24
    assert results[1] == pytest.approx(0.766034, rel=1e-5)


def test_threads_that_compile_at_once_do_not_disturb_each_other(folder):
    results = {}

    def work(factor):
        results[factor] = [result(MULTIPLIED.format(factor=factor % 4)) for _ in range(5)]

    threads = [threading.Thread(target=work, args=(factor,)) for factor in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {factor: [21 * (factor % 4)] * 5 for factor in range(8)}


def test_a_text_that_is_no_module_is_refused(folder):
    with pytest.raises(RuntimeError, match="parsing error"):
        compiling.load("define nonsense")


def test_the_assembly_can_be_read():
    assert "kernel:" in compiling.assembly(MULTIPLIED.format(factor=2))


def test_importing_does_not_load_llvm():
    code = "import sys, snn_fused.cpu.compiling; sys.exit('llvmlite' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
