"""What users install: one version, the `rao` command, and a wheel that holds every resource."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata, resources
from pathlib import Path

import pytest

import rao_gym

ROOT = Path(__file__).parents[1]


def test_version_is_written_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["hatch"]["version"]["path"] == "rao_gym/version.py"
    sources = [path for package in ("rao_gym", "rao_train") for path in (ROOT / package).rglob("*.py")]
    holders = [path for path in sources if f'"{rao_gym.__version__}"' in path.read_text(encoding="utf-8")]
    assert holders == [ROOT / "rao_gym" / "version.py"]


def test_the_changelog_tells_of_this_version() -> None:
    assert f"## [{rao_gym.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_installed_version_is_this_one() -> None:
    assert metadata.version("rao-gym") == rao_gym.__version__


def test_the_command_is_installed() -> None:
    [entry] = [entry for entry in metadata.entry_points(group="console_scripts") if entry.name == "rao"]
    assert entry.value == "rao_gym.cli:main"
    done = subprocess.run([Path(sys.executable).parent / "rao", "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "eval" in done.stdout


def test_the_core_needs_no_trainer() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(project["optional-dependencies"]) == {"train", "vllm", "sb3", "textcraft", "peers", "dev", "docs"}
    assert not [name for name in project["dependencies"] if name.startswith(("torch", "transformers", "vllm", "peft"))]


@pytest.mark.parametrize("package", ["rao_gym", "rao_train"])
def test_packages_are_typed(package: str) -> None:
    assert resources.files(package).joinpath("py.typed").is_file()


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_packages(tmp_path: Path) -> None:
    command = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir"]
    subprocess.run([sys.executable, *command, str(tmp_path), str(ROOT)], check=True)
    [wheel] = tmp_path.glob("rao_gym-*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    present = {
        path.relative_to(ROOT).as_posix()
        for package in ("rao_gym", "rao_train")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"rao_gym/py.typed", "rao_gym/viewer/page.html", "rao_gym/viewer/page.js"} <= present
    assert present <= held
    assert not {name for name in held if name.startswith(("tests/", "benchmarks/"))}
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in held)
