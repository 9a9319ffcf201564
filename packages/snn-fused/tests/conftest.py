"""Kernels of the tests go to a cache of their own, empty at the start."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNN_FUSED_CACHE", str(tmp_path_factory.mktemp("kernels")))
        yield
