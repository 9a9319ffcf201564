"""The small reader of requirements: which versions fit."""

from __future__ import annotations

import pytest
from snn_core.cli.requirements import parse


@pytest.mark.parametrize(
    ("requirement", "fitting", "unfitting"),
    [
        ("a>=0.1,<0.2", ["0.1", "0.1.0", "0.1.9", "0.1.0+cpu"], ["0.0.9", "0.2", "0.2.0", "1"]),
        ("a<0.10", ["0.9"], ["0.10", "0.11"]),
        ("a>1", ["1.1", "2"], ["1", "1.0.0"]),
        ("a<=2.0", ["2", "1.9"], ["2.0.1"]),
        ("a==1.2", ["1.2", "1.2.0"], ["1.2.1"]),
        ("a!=1.2", ["1.2.1"], ["1.2"]),
        ("a==1.2.*", ["1.2", "1.2.7"], ["1.3", "12"]),
        ("a!=1.2.*", ["1.3"], ["1.2.7"]),
        ("a~=1.4", ["1.4", "1.9"], ["1.3", "2.0"]),
        ("a~=1.4.2", ["1.4.2", "1.4.9"], ["1.4.1", "1.5"]),
        ("a[x,y] >= 1 , < 3", ["2"], ["3"]),
        ("a (>=1)", ["1"], ["0.9"]),
        ("a", ["0"], []),
    ],
)
def test_versions_fit_or_not(requirement, fitting, unfitting):
    read = parse(requirement)
    assert read.name == "a"
    assert [version for version in fitting + unfitting if read.allows(version)] == fitting


@pytest.mark.parametrize(
    "requirement",
    ["a>=1; extra == 'x'", "a @ https://example.org/a.whl", "a===1.0", "a>=one", "a=1"],
)
def test_what_it_cannot_judge_it_does_not_read(requirement):
    assert parse(requirement) is None
