from __future__ import annotations

from pathlib import Path

import pytest
from small_benchmark import SPECIFICATION, small_benchmark

from rao_gym.benchmark import Suite, freeze, run_benchmark, write_report


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    file = tmp_path_factory.mktemp("suite") / "small.toml"
    file.write_text(SPECIFICATION)
    return freeze(file)


@pytest.fixture(scope="session")
def finished_run(suite: Suite, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; tests read it and copy it, but never change it."""
    out = tmp_path_factory.mktemp("bench") / "run"
    run_benchmark(small_benchmark(suite), out)
    write_report(out)
    return out
