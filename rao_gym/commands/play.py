"""`rao play`: a person steps through an episode in the terminal."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from rao_gym.actions import write_call, write_cell
from rao_gym.actions.calls import CALL_TAGS
from rao_gym.commands.common import add_environment_arguments, environment_options
from rao_gym.errors import InvalidValueError
from rao_gym.evaluation.stages import build_setup
from rao_gym.registry import resolve_id
from rao_gym.runtime import Runtime
from rao_gym.tools import Parameter, ToolSpec
from rao_gym.tree import Node
from rao_gym.viewer.text import tree_as_text

HELP = """Write the agent's action, then an empty line or a lone "." to send it.
python: the lines run as a cell; write ```python blocks yourself if you want text around them.
tools: a line such as `read 0 20` or `finish 42` becomes a call; several lines run at once.
:tree shows the tree, :help this text, :quit leaves."""

_NAMED = re.compile(r"(\w+)=(.*)", re.DOTALL)


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("play", help="play an episode yourself")
    parser.add_argument("id", metavar="ID", help="environment id, or module:ID to import a module first")
    parser.add_argument("--difficulty", type=int, default=1, help="difficulty of the task (default 1)")
    parser.add_argument("--seed", type=int, default=0, help="seed for sampling the task")
    parser.add_argument("--index", type=int, default=0, help="index of the task in the split")
    parser.add_argument("--split", default="train", help="train, validation or test")
    add_environment_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Play one episode."""
    options = environment_options(arguments)
    for name in ("difficulty", "split"):
        if name in options:
            raise InvalidValueError(f"{name} is not an option here; use --{name}.")
    setup = build_setup(resolve_id(arguments.id), arguments.split, options)
    runtime = setup.runtime()
    try:
        runtime.reset(arguments.seed, arguments.difficulty, split=arguments.split, index=arguments.index)
        print(f"{runtime.task.record.id}\n{HELP}")
        _play(runtime)
    finally:
        runtime.close()
    return 0


def _play(runtime: Runtime[Any]) -> None:
    """Show new messages and read an action, until the root has ended or the person quits."""
    num_shown: dict[Node, int] = {}
    specs = {spec.name: spec for spec in runtime.tool_specs}
    while not runtime.done:
        node = next(iter(runtime.ready))
        _show(runtime, node, num_shown.get(node, 0))
        text = _read_action(runtime)
        if text is None:
            print("Left before the end.")
            return
        runtime.act(node, action_of(text, runtime.actions, specs))
        num_shown[node] = _num_messages_before_reply(node)
    root = runtime.tree.root
    for message in root.messages[num_shown.get(root, 0) :]:
        print(f"\n[{message['role']}]\n{message['content']}")
    signal = "unknown" if root.signal is None else f"{root.signal:.2f}"
    value, answer = (json.dumps(each, ensure_ascii=False) for each in (root.value, runtime.task.record.answer))
    print(f"\nThe root ended: {root.stop_reason}. Value: {value}. Success: {signal}.")
    print(f"The right answer: {answer} ({runtime.task.record.provenance}).")


def _num_messages_before_reply(node: Node) -> int:
    """Return the number of messages up to the last action, which its author need not see again."""
    last = max(place for place, message in enumerate(node.messages) if message["role"] == "assistant")
    return last + 1


def _show(runtime: Runtime[Any], node: Node, num_shown: int) -> None:
    """Print an agent's name, what is left of its limits, and its messages from index `num_shown` on."""
    left = runtime.limits_left(node)
    counts = {"turns": left.turns, "window": left.window, "depth": left.depth}
    shown = ", ".join(f"{name} {value:,}" for name, value in counts.items() if value is not None)
    print(f"\n=== {node.name}{f' (left: {shown})' if shown else ''} ===")
    for message in node.messages[num_shown:]:
        print(f"[{message['role']}]\n{message['content']}")


def _read_action(runtime: Runtime[Any]) -> str | None:
    """Read lines up to an empty one, a lone "." or the end of input; None if the person quits."""
    lines: list[str] = []
    while True:
        try:
            line = input("... " if lines else "> ")
        except EOFError:
            return "\n".join(lines) if lines else None
        command = line.strip()
        if command == ":quit":
            return None
        if command in (":tree", ":help"):
            print(tree_as_text(runtime.tree) if command == ":tree" else HELP)
        elif command.startswith(":") and not lines:
            print(f"Unknown command {command!r}. {HELP.splitlines()[-1]}")
        elif command in ("", "."):
            if lines:
                return "\n".join(lines)
        else:
            lines.append(line)


def action_of(text: str, actions: str, specs: Mapping[str, ToolSpec]) -> str:
    """Turn what a person typed into an action text.

    Args:
        text: The typed lines.
        actions: The action form.
        specs: The tools, by name.
    """
    if actions == "python":
        return text if "```" in text else write_cell(text)
    if CALL_TAGS[0] in text:
        return text
    calls = [_call_of(line, specs) for line in text.splitlines() if line.strip()]
    return "\n".join(call for call in calls if call is not None) if None not in calls else text


def _call_of(line: str, specs: Mapping[str, ToolSpec]) -> str | None:
    """Return a line such as ``read 0 20`` as a tool call; None if it does not start with a tool's name."""
    name, _, rest = line.strip().partition(" ")
    spec = specs.get(name)
    if spec is None:
        return None
    words = _words(rest.strip(), len(spec.parameters))
    arguments: dict[str, Any] = {}
    by_name = {parameter.name: parameter for parameter in spec.parameters}
    positions = iter(spec.parameters)
    for word in words:
        named = _NAMED.fullmatch(word)
        parameter = by_name.get(named.group(1)) if named else None
        if named and parameter is not None:
            arguments[parameter.name] = _value(named.group(2), parameter)
        elif (parameter := next(positions, None)) is not None:
            arguments[parameter.name] = _value(word, parameter)
    return write_call(name, **arguments)


def _words(text: str, num_parameters: int) -> Sequence[str]:
    """Split the arguments as a shell does; a tool's only parameter takes the whole text."""
    if num_parameters == 1:
        return [text] if text else []
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    surplus = words[num_parameters - 1 :] if num_parameters else []
    return words if len(surplus) < 2 else [*words[: num_parameters - 1], " ".join(surplus)]


def _value(text: str, parameter: Parameter) -> Any:
    """Return an argument: text for a text parameter, else JSON if it parses, else text."""
    if parameter.type == "string":
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
