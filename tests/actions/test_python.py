"""Cells in the real sandbox, driven through the runtime."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pydantic_monty as monty
import pytest
from counting import Counting

from rao_gym.actions import read_code
from rao_gym.limits import Limits
from rao_gym.runtime import Runtime
from rao_gym.sandbox import Sandbox, SandboxLimits
from rao_gym.tree import Node, StopReason

STARTS_ANEW = "The cell was stopped, and the session starts anew: its variables are gone."
Step = Callable[[str], str]


def cell(code: str) -> str:
    return f"Some thoughts.\n```python\n{code}\n```"


@pytest.fixture
def runtime(sandbox: Sandbox) -> Runtime[tuple[int, ...]]:
    runtime = Runtime(Counting(), actions="python", sandbox=sandbox)
    runtime.reset(seed=0, difficulty=3)
    return runtime


def reply(runtime: Runtime[tuple[int, ...]], code: str) -> str:
    """Let the root run a cell and return what it sees."""
    root = runtime.tree.root
    runtime.act(root, cell(code))
    return root.messages[-1]["content"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("```python\nx = 1\n```", "x = 1\n"),
        ("```\nx = 1\n```", "x = 1\n"),
        ("```PY\r\nx = 1\r\n```", "x = 1\r\n"),
        ("a ```python\nx = 1\n``` b ```python\ny = 2\n``` c", "x = 1\n\ny = 2\n"),
        ("```python\nx = 1", "x = 1"),
        ("x = 1", None),
        ("", None),
    ],
)
def test_code_blocks_are_found(text: str, code: str | None) -> None:
    assert read_code(text) == code


def test_variables_live_on_between_cells(runtime: Runtime[tuple[int, ...]]) -> None:
    assert reply(runtime, "x = 20") == "(no output)"
    assert reply(runtime, "def double(n):\n    return 2 * n") == "(no output)"
    assert reply(runtime, "print(double(x) + 2)\nsize") == "42\n8"


def test_family_tools_show_and_return(runtime: Runtime[tuple[int, ...]]) -> None:
    numbers = runtime.task.context
    assert reply(runtime, "n = peek(1)\nprint(n + 1)") == f"number {numbers[1]}\n{numbers[1] + 1}"
    assert "ValueError: index must be in 0..7" in reply(runtime, "peek(8)")
    assert "ValueError: peek needs 'index'" in reply(runtime, "peek()")
    assert "Did you mean 'peek'?" in reply(runtime, "peak(1)")


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("1/0", "ZeroDivisionError"),
        ("def f(:", "SyntaxError"),
        ("import os\nos.system('ls')", "AttributeError"),
        ("import subprocess", "ModuleNotFoundError"),
        ("open('/etc/passwd').read()", "PermissionError"),
        ("def f(): return f()\nf()", "RecursionError"),
        ("x = [0] * 10**9", "MemoryError"),
        ("x = []\nwhile True: x.append('a' * 10**6)", "MemoryError"),
        ("print(undefined)", "NameError"),
        ("launch_subagent('never awaited', 0, 1)", "never awaited"),
        ("finish()", "TypeError: finish needs 'answer'"),
        ("raise SystemExit(1)", "Error"),
        ("x = '\ud800'", "(no output)"),
        ("print(chr(0))", "\0"),
    ],
)
def test_what_a_cell_may_not_do_costs_a_turn_and_is_answered(
    runtime: Runtime[tuple[int, ...]], code: str, seen: str
) -> None:
    assert seen in reply(runtime, code)
    assert runtime.tree.root.turns == 1
    assert reply(runtime, "print('alive')") == "alive"


def test_a_cell_that_loops_is_stopped_and_the_session_starts_anew() -> None:
    runtime = Runtime(Counting(), actions="python", sandbox=Sandbox(SandboxLimits(cell_seconds=0.1)))
    runtime.reset(seed=0)
    reply(runtime, "x = 1")
    seen = reply(runtime, "while True: pass")
    assert "TimeoutError" in seen
    assert "its variables are gone" in seen
    assert "NameError" in reply(runtime, "x")
    assert reply(runtime, "print(size)") == "2"
    runtime.close()


def test_endless_calls_of_tools_and_launches_are_stopped(runtime: Runtime[tuple[int, ...]]) -> None:
    small = Runtime(Counting(), Limits(window=None), "python", sandbox=Sandbox(SandboxLimits(host_calls=50)))
    small.reset(seed=0)
    assert "suspension limit 50 exceeded" in reply(small, "while True: peek(0)")
    assert "suspension limit 50 exceeded" in reply(small, "while True: await launch_subagent('x', 9, 9)")
    small.close()


@pytest.mark.parametrize("code", ["print('x' * 10**6)", "while True: peek(0)"])
def test_output_beyond_the_window_ends_the_node(runtime: Runtime[tuple[int, ...]], code: str) -> None:
    seen = reply(runtime, code)
    assert seen.endswith("[output cut here: it is longer than the window]\n" + STARTS_ANEW)
    assert len(seen) < 100_000
    assert runtime.tree.root.stop_reason is StopReason.OUT_OF_WINDOW


HUNGRY = {
    "the worker is terminated": "x = 'a' * (33 * 2**20)\ny = x[::-1]",
    "the heap stays full": "x = 'a' * (33 * 2**20)\ny = x.upper()",
    "finishing takes too much": "x = 'a' * (60 * 2**20)\nfinish(x)",
}


@pytest.mark.parametrize("code", HUNGRY.values(), ids=HUNGRY)
def test_a_session_that_used_up_its_memory_starts_anew(runtime: Runtime[tuple[int, ...]], code: str) -> None:
    seen = reply(runtime, code)
    assert "MemoryError" in seen
    assert seen.endswith(STARTS_ANEW)
    assert reply(runtime, "print('here')") == "here"


def test_a_cell_that_asked_for_too_much_keeps_the_session(runtime: Runtime[tuple[int, ...]]) -> None:
    reply(runtime, "x = 5")
    assert "MemoryError" in reply(runtime, "y = 'a' * (100 * 2**20)")
    assert reply(runtime, "print(x)") == "5"


@pytest.mark.parametrize(
    "code", ["2**20000", "[10**5000]", "peek(10**5000)", "print(await launch_subagent('a', 10**5000, 3))"]
)
def test_integers_that_python_does_not_print_are_answered(runtime: Runtime[tuple[int, ...]], code: str) -> None:
    assert "4,000 digits" in reply(runtime, code)
    assert runtime.tree.root in runtime.ready


def test_an_integer_that_python_does_not_print_can_be_returned(runtime: Runtime[tuple[int, ...]]) -> None:
    reply(runtime, "await launch_subagent('a', 0, 3)")
    runtime.act(runtime.tree.root.children[0], cell("finish(10**5000)"))
    assert "4,000 digits" in runtime.tree.root.messages[-1]["content"]


@pytest.mark.parametrize("first", ["x = (", "def g():\n    yield 1"])
def test_a_cell_that_is_not_understood_takes_no_variable_away(sandbox: Sandbox, first: str) -> None:
    session = sandbox.open("seed", {"context": "the text"})
    with pytest.raises(monty.MontyError):
        session.start(first, lambda _stream, _text: None)
    done = session.start("len(context)", lambda _stream, _text: None)
    assert isinstance(done, monty.MontyComplete)
    assert done.output == 8
    session.close()


def test_a_session_has_room_for_the_text_that_it_is_given() -> None:
    sandbox = Sandbox(SandboxLimits(memory_bytes=2**20))
    session = sandbox.open("seed", {"context": "word " * 2**20})
    done = session.start("len(context.upper())", lambda _stream, _text: None)
    assert isinstance(done, monty.MontyComplete)
    assert done.output == 5 * 2**20
    sandbox.close()


def test_children_of_one_gather_are_one_wave_and_return_in_order(runtime: Runtime[tuple[int, ...]]) -> None:
    root = runtime.tree.root
    runtime.act(
        root,
        cell(
            "print('before')\n"
            "parts = await asyncio.gather(*[launch_subagent('Sum the numbers.', i, i + 2) for i in range(0, 6, 2)])\n"
            "print('after', parts)\n"
            "last = await launch_subagent('Sum the numbers.', 6, 8)\n"
            "finish(sum(parts) + last)"
        ),
    )
    assert [child.name for child in runtime.ready] == ["root.0", "root.1", "root.2"]
    for child in reversed(list(runtime.ready)):
        runtime.act(child, cell("finish(peek(0) + peek(1))"))
    assert [child.name for child in runtime.ready] == ["root.3"]
    runtime.act(next(iter(runtime.ready)), cell("finish(peek(0) + peek(1))"))
    assert [child.wave for child in root.children] == [0, 0, 0, 1]
    assert root.value == sum(runtime.task.context)
    assert root.signal == 1.0
    assert runtime.tree.critical_path() == 3
    assert runtime.done


def test_tasks_of_a_gather_go_on_together(runtime: Runtime[tuple[int, ...]]) -> None:
    runtime.act(
        runtime.tree.root,
        cell(
            "async def twice(start):\n"
            "    first = await launch_subagent('a', start, start + 1)\n"
            "    return await launch_subagent(f'b{first}', start, start + 1)\n"
            "print(await asyncio.gather(twice(0), twice(1)))"
        ),
    )
    while [node for node in runtime.ready if node.depth]:
        child = next(node for node in runtime.ready if node.depth)
        runtime.act(child, cell(f"finish({child.position})"))
    root = runtime.tree.root
    assert [child.goal for child in root.children] == ["a", "a", "b0", "b1"]
    assert [child.wave for child in root.children] == [0, 0, 1, 1]
    assert root.messages[-1]["content"] == "[2, 3]"


def test_values_travel_as_they_are_and_are_stored_as_json(runtime: Runtime[tuple[int, ...]]) -> None:
    runtime.act(runtime.tree.root, cell("v = await launch_subagent('x', 0, 1)\nprint(v, type(v[1]).__name__)"))
    child = runtime.tree.nodes[1]
    runtime.act(child, cell("finish(({1: 2}, (3, 4), {5}))"))
    assert child.value == [{"1": 2}, [3, 4], [5]]
    assert runtime.tree.root.messages[-1]["content"] == "({1: 2}, (3, 4), {5}) tuple"


def test_values_that_cannot_travel_become_text(runtime: Runtime[tuple[int, ...]]) -> None:
    runtime.act(runtime.tree.root, cell("print(await launch_subagent('x', 0, 1))"))
    runtime.act(runtime.tree.nodes[1], cell("class A:\n    x = 1\nfinish([A(), lambda: 1])"))
    assert isinstance(runtime.tree.nodes[1].value, list)
    assert runtime.tree.root.messages[-1]["content"].startswith("[")


def test_refusals_and_failures_are_values(sandbox: Sandbox) -> None:
    runtime = Runtime(Counting(), Limits(max_turns=2, max_children=1), "python", sandbox=sandbox)
    root = runtime.reset(seed=0, difficulty=2)
    runtime.act(
        root,
        cell(
            "print(await launch_subagent('', 0, 1))\n"
            "print(await launch_subagent('x', 3, 3))\n"
            "print(await launch_subagent('x', 'a', 1))\n"
            "print(await launch_subagent('x', 0, 1))\n"
            "print(await launch_subagent('x', 0, 1))"
        ),
    )
    child = root.children[0]
    runtime.act(child, "junk")
    runtime.act(child, "junk")
    assert root.messages[-1]["content"].splitlines() == [
        "Launch refused: the goal is empty. Say what the sub-agent must do.",
        "Launch refused: the part is empty",
        "Launch refused: launch_subagent: 'start' must be int, got str.",
        "Subagent failed: out_of_turns",
        "Launch refused: you have launched 1 sub-agents, the most allowed.",
        "(1 turn left)",
    ]
    assert (len(runtime.tree), root.refusals) == (2, 4)


def test_a_launch_must_be_awaited_in_its_own_cell(runtime: Runtime[tuple[int, ...]]) -> None:
    seen = reply(runtime, "h = launch_subagent('x', 0, 1)")
    assert seen == "Warning: 1 launch_subagent call(s) were never awaited and did not start."
    assert "must be awaited in the cell that makes it" in reply(runtime, "await h")
    assert len(runtime.tree) == 1


def test_functions_can_be_passed_around(runtime: Runtime[tuple[int, ...]]) -> None:
    numbers = runtime.task.context
    assert reply(runtime, "for f in [peek]:\n    print(f(0))") == f"number {numbers[0]}\n{numbers[0]}"


def test_cells_are_deterministic(sandbox: Sandbox) -> None:
    def seen() -> str:
        runtime = Runtime(Counting(), actions="python", sandbox=sandbox)
        runtime.reset(seed=0)
        return reply(
            runtime,
            "import random, datetime, time\nprint(random.random(), datetime.datetime.now(), {'b', 'a', 'c'})\n"
            "await asyncio.sleep(1000)\ntime.sleep(1000)",
        )

    assert seen() == seen()


def test_many_suspended_nodes_share_a_few_workers() -> None:
    sandbox = Sandbox(max_workers=2)
    runtime = Runtime(Counting(), Limits(max_depth=None, max_nodes=None), "python", sandbox=sandbox)
    runtime.reset(seed=0)
    node: Node = runtime.tree.root
    for depth in range(60):
        runtime.act(node, cell(f"depth = {depth}\nfinish(depth + await launch_subagent('deeper', 0, 2))"))
        assert sandbox.num_live <= 2
        node = next(iter(runtime.ready))
    runtime.act(node, cell("finish(0)"))
    assert runtime.tree.root.value == sum(range(60))
    sandbox.close()


def test_idle_sessions_keep_their_variables_when_workers_are_scarce() -> None:
    sandbox = Sandbox(max_workers=1)
    runtime = Runtime(Counting(), actions="python", sandbox=sandbox)
    root = runtime.reset(seed=0, difficulty=3)
    runtime.act(root, cell("r = await asyncio.gather(*[launch_subagent('x', i, i + 1) for i in range(4)])\nfinish(r)"))
    children = list(runtime.ready)
    for child in children:
        runtime.act(child, cell(f"mine = {child.position}"))
    for child in children:
        runtime.act(child, cell("finish(mine)"))
    assert root.value == [0, 1, 2, 3]
    sandbox.close()


def test_a_killed_worker_ends_one_node_as_crashed_and_nothing_else() -> None:
    sandbox = Sandbox(max_workers=4)
    runtime = Runtime(Counting(), actions="python", sandbox=sandbox)
    root = runtime.reset(seed=0, difficulty=3)
    runtime.act(root, cell("r = await asyncio.gather(*[launch_subagent('x', i, i + 1) for i in range(3)])\nfinish(r)"))
    first, second, third = list(runtime.ready)
    before = _worker_pids()
    runtime.act(first, cell("x = 1"))
    (pid,) = _worker_pids() - before
    os.kill(pid, signal.SIGKILL)
    runtime.act(second, cell("finish(2)"))
    runtime.act(first, cell("finish(x)"))
    assert first.stop_reason is StopReason.CRASHED
    assert first.signal == 0.0
    runtime.act(third, cell("finish(3)"))
    assert isinstance(root.value, list)
    assert str(root.value[0]).startswith("Subagent failed: crashed")
    assert root.value[1:] == [2, 3]
    sandbox.close()


def test_a_worker_killed_while_its_session_is_idle_crashes_only_that_node() -> None:
    sandbox = Sandbox(max_workers=1)
    runtime = Runtime(Counting(), actions="python", sandbox=sandbox)
    root = runtime.reset(seed=0, difficulty=3)
    before = _worker_pids()
    runtime.act(root, cell("r = await asyncio.gather(*[launch_subagent('x', i, i + 1) for i in range(2)])\nfinish(r)"))
    (pid,) = _worker_pids() - before
    first, second = list(runtime.ready)
    os.kill(pid, signal.SIGKILL)
    runtime.act(first, cell("finish(1)"))
    runtime.act(second, cell("finish(2)"))
    assert [first.stop_reason, second.stop_reason] == [StopReason.FINISHED, StopReason.FINISHED]
    assert root.stop_reason is StopReason.CRASHED
    assert runtime.done
    sandbox.close()


def _worker_pids() -> set[int]:
    """Return the sandbox workers among this process's children."""
    pids = set()
    for task in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{task}/children") as children:
            pids |= {int(pid) for pid in children.read().split()}
    return pids


@pytest.mark.parametrize(
    "cell_code",
    [
        "finish = 3",
        "def finish(x):\n    return x",
        "peek = []\nfinish = peek",
        "for finish in range(3):\n    pass",
        "import math as finish",
        "launch_subagent, peek, finish = 1, 2, 3",
        "class finish:\n    pass",
    ],
)
def test_functions_that_a_cell_overwrites_come_back_with_the_next(
    cell_code: str, runtime: Runtime[tuple[int, ...]]
) -> None:
    root = runtime.tree.root
    runtime.act(root, cell(cell_code))
    runtime.act(root, cell("print(peek(0), 'back')\nprint(await launch_subagent('Sum the numbers.', 0, 1))"))
    runtime.act(root.children[0], cell("finish(1)"))
    assert "back" in root.messages[-1]["content"]
    runtime.act(root, cell("finish(4)"))
    assert (root.ended, root.value) == (True, 4)
