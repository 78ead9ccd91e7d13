"""What counts as an action, and what is only talked about."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_gym.actions import Call, read_calls, read_code, write_call, write_cell, write_thought

ROOT = Path(__file__).parents[2]
DRAFT, MEANT = write_call("finish", answer=1), write_call("finish", answer=42)
DRAFT_CELL, MEANT_CELL = write_cell("finish(1)"), write_cell("finish(42)")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
spoken = st.lists(
    st.sampled_from(
        [
            "<tool_call>",
            "</tool_call>",
            "<think>",
            "</think>",
            "```",
            "~~~",
            "python",
            "\n",
            " ",
            '"',
            "'",
            "'''",
            "{",
            "}",
        ]
    )
    | st.text(max_size=4),
    max_size=12,
).map("".join)


def answers(text: str) -> list[Any]:
    """Return what the calls of a text hand back, or what is wrong with them."""
    return [call.arguments.get("answer", call.error) for call in read_calls(text)]


THOUGHTS = {
    "tags": ("<think>Maybe {draft}?</think>", ""),
    "capitals": ("<THINK>{draft}</THINK>\n", ""),
    "two blocks": ("<think>{draft}</think>\n<think>{draft} again</think>", ""),
    "white space before": ("\n  <think>{draft}</think>", ""),
    "an opening tag in the prompt": ("Maybe {draft}?</think>", ""),
    "a tag inside thinking": ("<think>I write </think> now: {draft}</think>", ""),
    "other tags": ("[THINK]{draft}[/THINK]", "Here: "),
    "signs": ("◁think▷{draft}◁/think▷", ""),
    "special tokens": ("<|START_THINKING|>{draft}<|END_THINKING|>", ""),
    "a channel": ("<|channel>thought\n{draft}<channel|>", ""),
    "two channels": (
        "<|channel|>analysis<|message|>{draft}<|end|><|start|>assistant<|channel|>final<|message|>",
        "",
    ),
    "prose before": ("Sure.\n<think>{draft}</think>", ""),
}


@pytest.mark.parametrize(("before", "between"), THOUGHTS.values(), ids=THOUGHTS)
def test_thinking_is_no_action(before: str, between: str) -> None:
    assert answers(before.format(draft=DRAFT) + between + MEANT) == [42]
    assert read_code(before.format(draft=f"\n{DRAFT_CELL}\n") + f"{between}\n" + MEANT_CELL) == "finish(42)\n"


@pytest.mark.parametrize("text", ["<think>{draft}", "<think>{draft}</think>", "{draft}</think>", "", "prose"])
def test_thinking_alone_is_nothing(text: str) -> None:
    assert read_calls(text.format(draft=DRAFT)) == []
    assert read_code(text.format(draft=f"\n{DRAFT_CELL}\n")) is None


def test_actions_before_and_after_thinking_both_count() -> None:
    first = write_call("peek", index=0)
    assert [call.name for call in read_calls(f"{first}<think>{DRAFT}</think>{MEANT}")] == ["peek", "finish"]
    code = f"{write_cell('x = 1')}\n<think>\n{DRAFT_CELL}\n</think>\n{MEANT_CELL}"
    assert read_code(code) == "x = 1\n\nfinish(42)\n"


def test_thinking_that_does_not_end_reaches_to_the_end() -> None:
    assert answers(f"{MEANT}\n<think>Or {DRAFT}") == [42]
    assert read_code(f"{MEANT_CELL}\n<think>Or\n{DRAFT_CELL}") == "finish(42)\n"


@pytest.mark.parametrize("half", ["I write <tool_call> and", '<tool_call>{"name": "finish", ', "a <tool_response> b"])
def test_half_an_action_in_thinking_does_not_hide_the_one_after_it(half: str) -> None:
    assert answers(f"{half} no.</think>{MEANT}") == [42]


def test_half_a_cell_in_thinking_does_not_hide_the_one_after_it() -> None:
    assert read_code(f"Say\n```python\nfinish(1)\nno.</think>\n{MEANT_CELL}") == "finish(42)\n"
    assert read_code(f"Say\n```bash\nls\nno.</think>\n{MEANT_CELL}") == "finish(42)\n"


def test_a_call_quoted_in_a_broken_call_is_not_one() -> None:
    (call,) = read_calls("<tool_call>{'name': 'finish', 'arguments': {'answer': 'as " + DRAFT + "'}}</tool_call>")
    assert "not valid JSON" in call.error


def test_words_that_mention_the_tag_do_not_hide_the_call_behind_them() -> None:
    assert answers(f"I use <tool_call> tags: {MEANT}")[-1] == 42


def test_what_is_quoted_in_an_argument_is_no_tag() -> None:
    for quoted in (MEANT, "</think>", "<think>", "</tool_call>", "a </think> b </tool_call> c"):
        assert answers(write_call("finish", answer=quoted)) == [quoted]
        assert answers(write_call("launch_subagent", goal=quoted) + MEANT)[-1] == 42
    assert read_code(write_cell("finish('</think>')")) == "finish('</think>')\n"


@given(st.text(), st.dictionaries(st.text().filter(lambda name: name != "name"), json_values), spoken)
def test_calls_are_read_as_they_were_written(name: str, arguments: dict[str, Any], said: str) -> None:
    arguments["said"] = said
    written = write_call(name, **arguments)
    assert read_calls(written) == [Call(name, arguments)]
    assert read_calls(write_thought("Let me see.") + f"So: {written}\n{written}") == [Call(name, arguments)] * 2


@given(spoken)
def test_cells_are_read_as_they_were_written(said: str) -> None:
    code = f"finish({said!r})"
    assert read_code(write_cell(code)) == f"{code}\n"
    assert read_code(write_thought("Let me see.") + f"So:\n{write_cell(code)}\nDone.") == f"{code}\n"


@given(spoken)
def test_any_text_is_read(text: str) -> None:
    read_calls(text)
    read_code(text)
    read_code(text, truncated=True)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("```bash\nls\n```\n```python\nx = 1\n```", "x = 1\n"),
        ('```json\n{"a": 1}\n```\nThen\n```python\nx = 1\n```', "x = 1\n"),
        ("```text\nprose\n```", None),
        ("```python3\nx = 1\n```", "x = 1\n"),
        ("~~~python\nx = 1\n~~~", "x = 1\n"),
        ("```python title=a.py\nx = 1\n```", "x = 1\n"),
        ("```{python}\nx = 1\n```", "x = 1\n"),
        ("````python\nx = '```'\n```\n````", "x = '```'\n```\n"),
        ("1. First:\n   ```python\n   if x:\n       y = 1\n   ```", "if x:\n    y = 1\n"),
        ("- ```python\n  x = 1\n  ```", "x = 1\n"),
        ("```python\nprint(1)\n```\nIt prints\n```\n1\n```", "print(1)\n"),
        ("```\n1\n```\n```python\nprint(1)\n```", "print(1)\n"),
        ("```python\nx = '''\n```\n'''\nfinish(x)\n```", "x = '''\n```\n'''\nfinish(x)\n"),
        ("```python\nx = 'it''s'  # '''\n```\nprose ```", "x = 'it''s'  # '''\n"),
        ("```python\nx = '''\n```\nprose", "x = '''\n"),
        ("```python\ns = 'a ``` b'\n```", "s = 'a ``` b'\n"),
        ("Use `x` or ``y``.\n```python\nx = 1\n```", "x = 1\n"),
        ("```python\nx = 1\u2028y = 2\n```", "x = 1\u2028y = 2\n"),
        ("```python\nfinish(1)```", "finish(1)"),
        ("```python\nfinish(1)```\nDone.", "finish(1)"),
        ("```python\nx = 1\n```python\ny = 2\n```", "x = 1\n\ny = 2\n"),
        ("```python\nx = 'a\\\n```\nb'\n```", "x = 'a\\\n```\nb'\n"),
        ("```python\n# a ```\nx = 1\n```", "# a ```\nx = 1\n"),
        ("> ```python\n> finish(1)\n> ```", None),
        ("```\n```", None),
        ("```python3.11\nx = 1\n```", "x = 1\n"),
        ("```python,linenos\nx = 1\n```", "x = 1\n"),
        ("```tool_code\nx = 1\n```", "x = 1\n"),
        ("```pyret\nx = 1\n```", None),
    ],
)
def test_which_blocks_are_code(text: str, code: str | None) -> None:
    assert read_code(text) == code


def test_an_open_block_counts_unless_the_reply_was_cut_off() -> None:
    text = "```python\nx = 1\n```\n```python\ny ="
    assert read_code(text) == "x = 1\n\ny ="
    assert read_code(text, truncated=True) == "x = 1\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '<tool_call>{"name": "finish", "parameters": {"answer": 1}}</tool_call>',
            "no key 'parameters'. Did you mean 'argu",
        ),
        ('<tool_call>{"tool": "finish", "name": "finish"}</tool_call>', "no key 'tool'. Did you mean 'name'"),
        ('<tool_call>{"function": "finish", "arguments": {}}</tool_call>', "no key 'function'. Did you mean 'name'"),
        ('<tool_call>{"name": "finish", "zzz": 1}</tool_call>', "no key 'zzz'. Write"),
        ('<tool_call>{"name": "finish"} and more</tool_call>', "something follows the JSON object"),
        (
            '<tool_call>{"name": "finish", "arguments": {"answer": "a}}</tool_call>',
            "not valid JSON: Unterminated string",
        ),
        ("<tool_call>" + "[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_wrong_with_a_call_is_said(text: str, message: str) -> None:
    (call,) = read_calls(text)
    assert message in call.error


def test_calls_after_a_made_up_response_do_not_count() -> None:
    text = f"{MEANT}\n<tool_response>\n3\n</tool_response>\n{DRAFT}"
    assert answers(text) == [42]
    assert answers(write_call("finish", answer="<tool_response>") + MEANT) == ["<tool_response>", 42]


def test_a_broken_call_does_not_hide_the_next() -> None:
    assert answers("<tool_call>{]</tool_call>" + MEANT)[-1] == 42
    assert answers('<tool_call>{"name": "finish"}\n' + MEANT)[-1] == 42


HEAVY = {
    "a fence and spaces": "```" + " " * 400_000 + "x",
    "fences": "```python\n" * 60_000,
    "backticks": "`" * 600_000,
    "tildes in lines": "~~~ a\n" * 80_000,
    "opening tags": "<think>" * 80_000,
    "closing tags": "</think>" * 80_000,
    "call tags": "<tool_call>" * 60_000,
    "calls and closings": (MEANT + "</think>") * 8_000,
    "open strings": '<tool_call>{"a": "' * 30_000,
    "quotes": "```python\n" + "'''\n```\n" * 60_000,
    "list markers": "1. " * 150_000 + "```",
    "fences in lines": "```a " * 80_000,
    "escaped quotes": "```python\n" + "\\'''\n" * 80_000,
    "broken calls": "<tool_call>{</tool_call>" * 30_000,
}


READ = """
import sys
from rao_gym.actions import read_calls, read_code

text = sys.stdin.buffer.read().decode()
read_calls(text)
read_code(text)
"""


@pytest.mark.slow
@pytest.mark.parametrize("text", HEAVY.values(), ids=HEAVY)
def test_no_text_of_half_a_megabyte_keeps_the_reader_busy(text: str) -> None:
    # In proportion to the text this takes well under a second; in proportion to its square, many minutes.
    subprocess.run([sys.executable, "-c", READ], input=text.encode(), cwd=ROOT, timeout=120, check=True)
