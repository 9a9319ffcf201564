"""Every file of the workspace: says what it is, stays small, names no host."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IGNORED = re.compile(r"^(\..*|__pycache__|.*\.egg-info|build|dist|runs)$")
HOSTS = re.compile(r"(pypi|pythonhosted|anaconda|npmjs|download\.pytorch)\.(org|com)")
LONGEST_FILE = 300
LONGEST_FUNCTION = 50


def files() -> Iterator[Path]:
    """Every file but what .gitignore leaves out."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name == ".ci" or not IGNORED.match(name)]
        yield from (Path(folder) / name for name in names)


PYTHON = sorted(str(path.relative_to(ROOT)) for path in files() if path.suffix == ".py")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def body_length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function after its signature and docstring."""
    has_docstring = ast.get_docstring(function) is not None
    body = function.body[1:] if has_docstring else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def long_functions(name: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(read(name))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = body_length(node)
            if length > LONGEST_FUNCTION:
                yield f"{name}: {node.name} has {length} lines"


def test_files_are_found():
    assert {"run.py", "noxfile.py", "tests/test_files.py"} <= set(PYTHON)


def test_the_first_line_says_what_lives_here():
    silent = [name for name in PYTHON if not re.match(r'r?"""\S.*', read(name))]
    assert not silent


def test_files_are_small():
    lengths = {name: len(read(name).splitlines()) for name in PYTHON}
    assert not {name: length for name, length in lengths.items() if length > LONGEST_FILE}


def test_functions_are_small():
    files_with_logic = [name for name in PYTHON if not name.endswith("_plugin.py")]  # lists
    assert not [text for name in files_with_logic for text in long_functions(name)]


def test_no_file_names_a_host_of_packages():
    named = []
    for path in files():
        if HOSTS.search(path.read_text(encoding="utf-8", errors="ignore")):
            named.append(str(path.relative_to(ROOT)))
    assert not named


def test_the_links_of_every_page_lead_somewhere():
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in files()
        if page.suffix == ".md"
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not broken


def test_the_page_on_neurons_shows_the_example_as_it_is():
    page = read("docs/writing-a-neuron.md")
    example = ROOT / "examples" / "snn-izhikevich"
    for name in ("neuron.py", "_plugin.py"):
        text = (example / "src" / "snn_izhikevich" / name).read_text(encoding="utf-8")
        assert f"```python\n{text}```" in page
    shown = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert shown[1] in (example / "pyproject.toml").read_text(encoding="utf-8")
