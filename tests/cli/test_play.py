"""A person plays: what is typed becomes actions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from counting import Counting

from rao_gym.commands.play import action_of
from rao_gym.runtime import Runtime

SPECS = {spec.name: spec for spec in Runtime(Counting()).tool_specs}
Rao = Callable[..., Any]


@pytest.mark.parametrize(
    ("typed", "arguments"),
    [
        ("peek 3", {"index": 3}),
        ("  peek 3 ", {"index": 3}),
        ("peek three", {"index": "three"}),
        ("peek", {}),
        ("finish 42", {"answer": 42}),
        ("finish red and blue", {"answer": "red and blue"}),
        ('finish {"a": [1, 2]}', {"answer": {"a": [1, 2]}}),
        ('launch_subagent "Sum the numbers." 0 4', {"goal": "Sum the numbers.", "start": 0, "end": 4}),
        ("launch_subagent end=4 start=0 Sum", {"goal": "Sum", "start": 0, "end": 4}),
        ("launch_subagent it's 0 4", {"goal": "it's", "start": 0, "end": 4}),
        ("launch_subagent a 0 4 5", {"goal": "a", "start": 0, "end": "4 5"}),
        ("launch_subagent a 0", {"goal": "a", "start": 0}),
    ],
)
def test_a_line_becomes_a_call(typed: str, arguments: dict[str, Any]) -> None:
    action = action_of(typed, "tools", SPECS)
    document = json.loads(action.removeprefix("<tool_call>").removesuffix("</tool_call>"))
    assert document == {"name": typed.split()[0], "arguments": arguments}


def test_several_lines_run_at_once() -> None:
    assert action_of("peek 0\n\npeek 1", "tools", SPECS).count("<tool_call>") == 2


@pytest.mark.parametrize("typed", ["hello", "peek 0\nhello", "<tool_call>x</tool_call>\npeek 0"])
def test_other_text_is_sent_as_it_is(typed: str) -> None:
    assert action_of(typed, "tools", SPECS) == typed


def test_python_lines_become_a_cell() -> None:
    assert action_of("a = 1\nprint(a)", "python", SPECS) == "```python\na = 1\nprint(a)\n```"
    assert action_of("I think\n```\n1\n```", "python", SPECS) == "I think\n```\n1\n```"


def test_an_episode_from_start_to_end(rao: Rao) -> None:
    typed = "launch_subagent operand=left\n.\nfinish 146\n\n:tree\n:help\n:what\n\nfinish 926\n"
    done = rao("play", "rao/Arithmetic-v0", "--difficulty", "2", typed=typed)
    assert done.exit_code == 0
    assert "=== root (left:" in done.out
    assert "=== root.0 (left:" in done.out
    assert "Unknown command ':what'" in done.out
    assert "root.0  finished" in done.out
    assert done.out.rstrip().endswith(
        "The root ended: finished. Value: 926. Success: 1.00.\nThe right answer: 926 (evaluated)."
    )


def test_python_cells_keep_their_variables(rao: Rao) -> None:
    typed = "a = 20\n\nprint(a + 1)\n\n"
    done = rao("play", "rao/LongContext-v0", "--actions", "python", typed=typed)
    assert "[user]\n21" in done.out


@pytest.mark.parametrize("typed", ["", ":quit\n", "finish\n:quit\n"])
def test_leaving_early(rao: Rao, typed: str) -> None:
    done = rao("play", "rao/Arithmetic-v0", typed=typed)
    assert done.exit_code == 0
    assert "Left before the end." in done.out


def test_piped_junk_in_a_process_of_its_own(rao_process: Rao) -> None:
    done = rao_process("play", "rao/Arithmetic-v0", typed=b"\xff\xfe\x00 junk\n\n")
    assert done.exit_code == 0
    assert "no action found" in done.out
