"""Every code block of the README and the docs runs.

The python blocks of a page run from top to bottom in one module; one with ``title="name.py"`` is written to that
file instead. The lines of console blocks that begin with ``$ `` are commands, which must succeed. A page whose first
line is ``<!-- slow -->`` runs with the slow tests.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from _pytest.mark.structures import ParameterSet

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_BLOCK = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)(?P<info>[^\n]*)\n(?P<body>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL
)
_LANGUAGES = {"python", "console", "bash", "text", "json", "toml"}


@dataclass(frozen=True, kw_only=True)
class Block:
    """One code block.

    Attributes:
        language: What stands after the fence.
        title: Name of the file that it is, or empty.
        code: Its text.
        line: Number of its first line.
    """

    language: str
    title: str
    code: str
    line: int


def blocks_of(page: Path) -> list[Block]:
    """Return the code blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            language=match["language"],
            title="".join(re.findall(r'title="([^"]+)"', match["info"])),
            code=re.sub(rf"^{match['indent']}", "", match["body"], flags=re.MULTILINE),
            line=text.count("\n", 0, match.start("body")) + 1,
        )
        for match in _BLOCK.finditer(text)
    ]


def parameters() -> list[ParameterSet]:
    """Return the pages, the slow ones marked."""
    found = []
    for page in PAGES:
        is_slow = page.read_text(encoding="utf-8").startswith("<!-- slow -->")
        marks = [pytest.mark.slow] if is_slow else []
        found.append(pytest.param(page, id=page.relative_to(ROOT).as_posix(), marks=marks))
    return found


def run_console(block: Block, page: Path, folder: Path) -> None:
    """Run the commands of a console block; lines that end in a backslash go on."""
    commands = re.findall(r"^\$ ((?:.*\\\n)*.*)$", block.code, re.MULTILINE)
    assert commands, f"{page.name}:{block.line}: no line begins with '$ '"
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for command in commands:
        done = subprocess.run(
            ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{page.name}:{block.line}: {command}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


@pytest.mark.parametrize("page", parameters())
def test_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    module = ModuleType(f"page_{page.stem}")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # so that classes know where they are from
    for block in blocks_of(page):
        if block.title:
            (tmp_path / block.title).write_text(block.code, encoding="utf-8")
        elif block.language == "python":
            # the lines above make line numbers in tracebacks those of the page
            exec(compile("\n" * (block.line - 1) + block.code, str(page), "exec"), module.__dict__)
        elif block.language in ("console", "bash"):
            run_console(block, page, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_name_their_language(page: Path) -> None:
    unknown = [(block.line, block.language) for block in blocks_of(page) if block.language not in _LANGUAGES]
    assert not unknown, f"{page.name}: use one of {sorted(_LANGUAGES)}"
    assert page.read_text(encoding="utf-8").count("\n```") % 2 == 0, f"{page.name}: a fence is left open"
