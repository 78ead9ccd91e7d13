"""The shape of the repository: arrows that point one way, no import cycles, a fixed top level."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOP_LEVEL = {
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "benchmarks",
    "docs",
    "pyproject.toml",
    "rao_gym",
    "rao_train",
    "tests",
}
HEAVY = {"torch", "transformers", "vllm", "peft", "accelerate", "safetensors", "tensorboard"}
BELOW = {"rao_gym": {"rao_train", "benchmarks"}, "rao_train": {"benchmarks"}, "benchmarks": set[str]()}

IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
import rao_gym
for module in pkgutil.walk_packages(rao_gym.__path__, "rao_gym."):
    importlib.import_module(module.name)
print(" ".join(sys.modules))
"""


def module_name(path: Path) -> str:
    """Return the dotted name of a file, a package's for its ``__init__.py``."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules_of(package: str) -> dict[str, Path]:
    """Return every module of a package by its dotted name."""
    return {module_name(path): path for path in sorted((ROOT / package).rglob("*.py"))}


def is_type_checking(node: ast.AST) -> bool:
    """Tell an ``if TYPE_CHECKING:``."""
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def imports(node: ast.AST, *, deferred: bool) -> Iterator[tuple[str, list[str]]]:
    """Yield what is imported below a node, as a module and the names taken from it.

    With `deferred`, imports inside functions and for type checkers alone count too.
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield alias.name, []
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"relative import of {child.module}"
            yield child.module or "", [alias.name for alias in child.names]
        elif deferred or not (isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) or is_type_checking(child)):
            yield from imports(child, deferred=deferred)


def imported_roots(path: Path) -> set[str]:
    """Return the top-level packages that a file imports anywhere."""
    return {module.partition(".")[0] for module, _ in imports(ast.parse(path.read_text()), deferred=True)}


def test_importing_all_of_rao_gym_loads_no_trainer() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", IMPORT_EVERYTHING], capture_output=True, text=True, check=True, cwd=ROOT
    )
    roots = {name.partition(".")[0] for name in loaded.stdout.split()}
    assert "rao_gym" in roots
    assert not roots & (HEAVY | {"rao_train"})


def test_rao_gym_names_no_trainer() -> None:
    for name, path in modules_of("rao_gym").items():
        assert not imported_roots(path) & HEAVY, name


@pytest.mark.parametrize("package", BELOW)
def test_arrows_point_one_way(package: str) -> None:
    modules = modules_of(package)
    assert modules
    for name, path in modules.items():
        forbidden = imported_roots(path) & BELOW[package]
        assert not forbidden, f"{name} imports {forbidden}"


@pytest.mark.parametrize("package", BELOW)
def test_no_import_cycles(package: str) -> None:
    modules = modules_of(package)
    graph: dict[str, set[str]] = {}
    for name, path in modules.items():
        targets = set()
        for module, names in imports(ast.parse(path.read_text()), deferred=False):
            # "from package import name" needs the module of that name, if it is one, rather than the package
            submodules = {f"{module}.{taken}" for taken in names} & modules.keys()
            targets |= submodules if submodules and len(submodules) == len(names) else {module} & modules.keys()
        graph[name] = targets - {name}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the cycle


def test_top_level_is_the_fixed_set() -> None:
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    assert {line.partition("/")[0] for line in listed.stdout.splitlines()} <= TOP_LEVEL
