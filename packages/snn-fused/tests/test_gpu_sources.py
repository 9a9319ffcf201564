"""Kernel source as files: shared, mended, and private where the cache cannot be written."""

import os

import pytest
from snn_fused.gpu import sources

TEXT = "def answer():\n    return 42\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SNN_FUSED_CACHE", str(tmp_path))
    return tmp_path / "triton"


def test_a_text_is_one_file(folder):
    assert sources.load(TEXT).answer() == sources.load(TEXT).answer() == 42
    (path,) = folder.glob("*")
    assert path.read_text() == TEXT


def test_a_damaged_file_is_written_again(folder):
    path = sources.file_of(TEXT)
    path.write_text("def answer():\n    return 41\n")
    assert sources.load(TEXT).answer() == 42
    assert path.read_text() == TEXT


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="may write anywhere")
def test_a_folder_that_cannot_be_written(folder):
    folder.mkdir()
    folder.chmod(0o500)
    assert folder not in sources.file_of(TEXT).parents
    assert sources.load(TEXT).answer() == 42


def test_a_folder_that_cannot_be_made(folder):
    folder.write_text("a file is in the way")
    assert folder not in sources.file_of(TEXT).parents
    assert sources.load(TEXT).answer() == 42
