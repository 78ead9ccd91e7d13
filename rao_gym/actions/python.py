"""The ``python`` action form: the code block of a reply is a cell in a sandboxed Python session.

``await launch_subagent(goal, ...)`` suspends the cell until the child ends; ``asyncio.gather`` waits for several
children, which run in parallel. As with any coroutine, a launch starts when it is awaited. Children that are pending
at the same `await` form one wave, and the cell continues when all of them have ended, so that its behaviour never
depends on the order in which the children acted.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

import pydantic_monty as monty

from rao_gym.actions.base import (
    ActionForm,
    Await,
    Crash,
    Finish,
    Interpreter,
    LaunchRequest,
    NodeHost,
    Outcome,
    Reply,
)
from rao_gym.actions.cell_output import CellOutput, OutputFullError
from rao_gym.actions.code_blocks import read_code
from rao_gym.boundary import MAX_JOINT_SIZE, RefusedValueError, size_of, take, take_call
from rao_gym.errors import UsageError, nearest, shortened
from rao_gym.jsonable import to_json_value
from rao_gym.sandbox import Sandbox, Session, SessionFullError, Snapshot, WorkerDiedError
from rao_gym.tools import FINISH, LAUNCH, ToolError, ToolSpec

_EXAMPLE = "```python\nprint(1 + 1)\n```"
_FULL = "MemoryError: {}."
_TOO_MANY_LAUNCHES = (
    f"the launches that wait are too large together: at most {MAX_JOINT_SIZE:,} characters. Await some of them first, "
    "or pass less."
)
_TIMED_OUT = "TimeoutError: the cell ran too long."
_RESTARTED = "The cell was stopped, and the session starts anew: its variables are gone."


class PythonActions(ActionForm):
    """Actions are cells of Python.

    Args:
        sandbox: Where cells run; by default a new one, which is closed with this object.
    """

    name = "python"

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        self._owns_sandbox = sandbox is None
        self.sandbox = sandbox or Sandbox()

    def instructions(self, specs: Sequence[ToolSpec]) -> str:
        """List the functions as Python signatures."""
        lines = ["Reply with one ```python code block; it runs in your own session, where variables live on."]
        lines.append("You see what it prints. Besides Python you have:")
        for spec in specs:
            prefix = "await " if spec.name == LAUNCH else ""
            described = " ".join(f"{parameter.name}: {parameter.description}" for parameter in spec.parameters)
            lines.append(f"- `{prefix}{spec.signature()}`: {spec.description} {described}".rstrip())
        if any(spec.name == LAUNCH for spec in specs):
            lines.append("Launch several at once with `await asyncio.gather(...)`.")
        return "\n".join(lines)

    def open(self, host: NodeHost) -> Interpreter:
        """Return an interpreter whose session starts at its first cell."""
        return _PythonInterpreter(host, self.sandbox)

    def close(self) -> None:
        """Stop the workers, if this object started them."""
        if self._owns_sandbox:
            self.sandbox.close()


class _PythonInterpreter:
    """Runs the cells of one node."""

    __slots__ = (
        "_host",
        "_launch_size_left",
        "_launches",
        "_output",
        "_overwritten",
        "_sandbox",
        "_session",
        "_tool_seconds",
    )

    def __init__(self, host: NodeHost, sandbox: Sandbox) -> None:
        self._host = host
        self._sandbox = sandbox
        self._session: Session | None = None
        self._output = CellOutput(0)
        self._launches: dict[int, LaunchRequest] = {}
        self._launch_size_left = MAX_JOINT_SIZE
        self._tool_seconds = 0.0  # of the present cell
        self._overwritten: set[str] = set()  # by Python or the last cell; they come back with the next one

    def run(self, text: str, *, truncated: bool = False) -> Outcome:
        """Run the reply's code block as a cell."""
        code = read_code(text, truncated=truncated)
        if code is None:
            return Reply(f"Error: no action found. Write a code block like this:\n{_EXAMPLE}")
        if self._session is None:
            self._session = self._sandbox.open(self._host.name, self._host.variables)
            self._overwritten |= {name for name in self._host.specs if hasattr(builtins, name)}
        session = self._session
        session.give({name: _function_named(name) for name in self._overwritten})
        self._overwritten = {name for name in self._host.specs if _may_overwrite(code, name)}
        self._output = CellOutput(self._host.max_output_chars)
        self._tool_seconds = 0.0
        self._launch_size_left = MAX_JOINT_SIZE
        return self._guard(lambda: self._drive(session, session.start(code, self._output.on_print)))

    def resume(self, results: Sequence[Any]) -> Outcome:
        """Pass the results of its launches to the waiting cell."""
        session = self._session
        if session is None:
            raise UsageError("No cell is waiting.")
        answers = dict(zip(sorted(self._launches), results, strict=True))
        self._launches, self._launch_size_left = {}, MAX_JOINT_SIZE
        return self._guard(lambda: self._drive(session, session.resume(answers, self._output.on_print)))

    def close(self) -> None:
        """End the session."""
        if self._session is not None:
            self._session.close()

    def _guard(self, step: Callable[[], Outcome]) -> Outcome:
        """Turn any failure of a cell into a reply, or into a crash if its worker died."""
        try:
            return step()
        except monty.MontyCrashedError as error:
            return self._stopped(_TIMED_OUT) if error.timed_out else Crash(str(error))
        except WorkerDiedError as error:
            return Crash(str(error))
        except SessionFullError as error:
            return self._stopped(_FULL.format(error))
        except monty.MontyError as error:
            self._launches = {}
            self._output.show(self._describe(error))
            return self._settled(Reply(self._output.text()))
        except OutputFullError:
            return self._stopped("")

    def _settled(self, reply: Reply) -> Reply:
        """Return the reply to a cell that has ended; if its session cannot be kept, the reply says so."""
        try:
            if self._session is not None:
                self._session.settle()
        except SessionFullError as error:
            return self._stopped(_FULL.format(error))
        return reply

    def _stopped(self, reason: str) -> Reply:
        """Restart the session of a cell that was stopped, and return the reply."""
        self._restart()
        self._output.show(reason)
        return Reply(f"{self._output.text()}\n{_RESTARTED}")

    def _drive(self, session: Session, snapshot: Snapshot) -> Outcome:
        """Answer the cell's calls until it completes, finishes the node or waits for children."""
        while True:
            if self._output.full:
                raise OutputFullError
            if isinstance(snapshot, monty.MontyComplete):
                return self._settled(self._complete(snapshot))
            if isinstance(snapshot, monty.NameLookupSnapshot):
                snapshot = self._look_up(snapshot)
            elif isinstance(snapshot, monty.FutureSnapshot):
                pending = {call: self._launches[call] for call in sorted(snapshot.pending_call_ids)}
                if not pending:
                    snapshot = snapshot.resume({})  # awaits a launch of an earlier cell: Monty raises
                    continue
                self._launches = pending
                session.wait(snapshot)
                return Await(tuple(pending.values()))
            elif snapshot.is_os_function:
                snapshot = snapshot.resume_not_handled()
            else:
                try:
                    answered = self._answer(snapshot, *take_call(snapshot))
                except RefusedValueError as error:
                    snapshot = snapshot.resume({"exc_type": error.kind, "message": str(error)})
                    continue
                except ToolError as error:
                    snapshot = snapshot.resume({"exc_type": "ValueError", "message": str(error)})
                    continue
                if isinstance(answered, Finish):
                    return answered
                snapshot = answered

    def _answer(
        self, snapshot: monty.FunctionSnapshot, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Finish | Snapshot:
        """Execute one call of the cell.

        Raises:
            ToolError: The call cannot be carried out.
            RefusedValueError: Its arguments do not fit.
        """
        name = str(snapshot.function_name)
        spec = self._host.specs.get(name)
        if spec is None:
            hint = nearest(name, self._host.specs)
            suggestion = f". Did you mean {hint!r}?" if hint else ""
            message = f"name {shortened(name)!r} is not defined{suggestion}"
            return snapshot.resume({"exc_type": "NameError", "message": message})
        if name == LAUNCH:
            self._launches[snapshot.call_id] = self._launch(spec, args, kwargs)
            return snapshot.resume({"future": ...})
        if name == FINISH:
            try:
                return Finish(spec.bind(args, kwargs)["answer"])
            except ToolError as error:
                raise RefusedValueError("TypeError", str(error)) from None
        limit = self._sandbox.limits.cell_seconds
        if self._tool_seconds > limit:
            message = f"the tools that this cell called took over {limit:g} seconds; call the others in another cell"
            raise RefusedValueError("TimeoutError", message)
        started = perf_counter()
        result = self._host.call(name, spec.bind(args, kwargs))
        self._tool_seconds += perf_counter() - started
        self._output.show(result.shown)
        return snapshot.resume({"return_value": result.value})

    def _launch(self, spec: ToolSpec, args: Sequence[Any], kwargs: Mapping[str, Any]) -> LaunchRequest:
        """Keep a launch until it is awaited; if its arguments do not fit, it is refused then.

        Raises:
            RefusedValueError: The launches that the cell keeps have become too large.
        """
        size = size_of((args, kwargs), at_most=self._launch_size_left)
        if size is None:
            raise RefusedValueError("ValueError", _TOO_MANY_LAUNCHES)
        self._launch_size_left -= size
        try:
            return LaunchRequest(spec.bind(args, kwargs))
        except ToolError as error:
            return LaunchRequest(error=str(error))

    def _complete(self, snapshot: monty.MontyComplete) -> Reply:
        """Reply with the cell's output and, like a REPL, with the value of its last expression."""
        try:
            value = take(lambda: snapshot.output, "The value of the last expression")
        except RefusedValueError as error:
            value = None if self._launches else f"{error.kind}: {error}"  # a launch gets its own warning
        if value is not None:
            self._output.show(value if isinstance(value, str) else _as_text(value))
        if self._launches:
            self._output.show(f"Warning: {len(self._launches)} {LAUNCH} call(s) were never awaited and did not start.")
            self._launches = {}
        return Reply(self._output.text() or "(no output)")

    def _look_up(self, snapshot: monty.NameLookupSnapshot) -> Snapshot:
        """Resolve a name to one of our functions, or leave it undefined."""
        if snapshot.object_id is None and snapshot.variable_name in self._host.specs:
            return snapshot.resume(value=_function_named(snapshot.variable_name))
        return snapshot.resume()

    def _describe(self, error: monty.MontyError) -> str:
        """Return the traceback; a session that has exhausted its limits is replaced."""
        shown = error.display() if isinstance(error, monty.MontySyntaxError | monty.MontyRuntimeError) else str(error)
        if self._is_used_up(error, shown):
            self._restart()
            shown += f"\n{_RESTARTED}"
        elif "asyncio scheduler stalled" in shown:
            shown = f"RuntimeError: a {LAUNCH} call must be awaited in the cell that makes it."
        return shown

    def _is_used_up(self, error: monty.MontyError, shown: str) -> bool:
        """Tell whether no further cell can run: after a time-out, too many calls, or if memory stays full."""
        raised = error.exception()
        if isinstance(raised, MemoryError):
            return self._session is None or not self._session.is_usable()
        out_of_time = isinstance(raised, TimeoutError) and "time limit exceeded" in shown
        out_of_calls = isinstance(raised, RuntimeError) and "suspension limit" in shown
        return out_of_time or out_of_calls

    def _restart(self) -> None:
        """Replace the session with a new one."""
        self.close()
        self._session, self._launches, self._overwritten = None, {}, set()


def _as_text(value: Any) -> str:
    """Return a value as a REPL shows it, or a close equivalent if it holds integers too long for Python to print."""
    try:
        return repr(value)
    except (ValueError, RecursionError):
        return repr(to_json_value(value))


def _may_overwrite(code: str, name: str) -> bool:
    """Tell whether a cell does more with a function's name than call it, such as assign to it or define it."""
    if name not in code:
        return False
    return re.search(rf"\b(?:def|class|as)\s+{name}\b|\b{name}\b(?!\s*\()", code) is not None


def _function_named(name: str) -> Callable[..., None]:
    """Return a function that Monty shows as `name`; calls of it come back as snapshots."""

    def function(*_args: Any, **_kwargs: Any) -> None: ...

    function.__name__ = name
    return function
