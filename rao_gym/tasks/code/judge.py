"""Run candidate source on cases in the sandbox; the expected results never leave this process.

Every call gets its own copy of the arguments and its own time limit. If a session runs out of time or memory, it is
discarded and the source loaded into a new one, so that one call cannot affect the next.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import pydantic_monty as monty

from rao_gym.boundary import RefusedValueError, take
from rao_gym.sandbox import Sandbox, SandboxLimits, Session, Snapshot, WorkerDiedError
from rao_gym.tasks.code.functions import Case, call_text, same_value

MAX_SOURCE_CHARS = 50_000
TOTAL_SECONDS = 60.0
"""Time limit of one source for all its cases; cases that it does not reach count as failed.

No function has so many cases that calls within their own limit would reach it: a correct source is not judged by the
clock, unless a single call takes hundreds of times as long as the reference's.
"""

MAX_LOST_SESSIONS = 2
"""After this many calls that cost a session, the remaining cases count as failed."""

LIMITS = SandboxLimits(cell_seconds=1.0, memory_bytes=32 * 2**20, host_calls=1_000)
"""Limits on loading a source, and on each call."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of one call.

    Attributes:
        passed: Whether it returned the expected value.
        got: The value as text, or the error, shortened.
    """

    passed: bool
    got: str


class Judge:
    """Runs candidate source; its workers start on first use."""

    def __init__(self) -> None:
        self._sandbox: Sandbox | None = None

    def run(self, source: str, cases: Mapping[str, Sequence[Case]]) -> dict[str, list[Outcome]]:
        """Run every case of every function.

        Args:
            source: The candidate.
            cases: Cases by function name.

        Returns:
            An outcome for each case, in order.
        """
        if len(source) > MAX_SOURCE_CHARS:
            error = Outcome(False, f"the source is longer than {MAX_SOURCE_CHARS:,} characters")
            return {name: [error] * len(group) for name, group in cases.items()}
        if self._sandbox is None:
            self._sandbox = Sandbox(LIMITS, max_workers=1)
        candidate = _Candidate(self._sandbox, source)
        try:
            return {name: [candidate.call(name, case) for case in group] for name, group in cases.items()}
        finally:
            candidate.close()

    def close(self) -> None:
        """Stop the workers."""
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None


class _Candidate:
    """One source, loaded into a session that is replaced when a call breaks it."""

    def __init__(self, sandbox: Sandbox, source: str) -> None:
        self._sandbox = sandbox
        self._source = source
        self._session: Session | None = None
        self._error = ""
        self._num_lost = 0
        self._deadline = monotonic() + TOTAL_SECONDS

    def call(self, name: str, case: Case) -> Outcome:
        """Call a function of the source; if its worker was killed, replace it and retry the call."""
        try:
            return self._call(name, case)
        except (monty.MontyCrashedError, WorkerDiedError):
            self.close()
        try:
            return self._call(name, case)
        except (monty.MontyCrashedError, WorkerDiedError) as error:
            return Outcome(False, self._lost(error))

    def _call(self, name: str, case: Case) -> Outcome:
        """Call a function of the source.

        Raises:
            monty.MontyCrashedError: The worker was killed.
            WorkerDiedError: The worker had already been killed.
        """
        if not self._error and monotonic() > self._deadline:
            self._error = f"not run: the calls before it took more than {TOTAL_SECONDS:g} seconds"
            self.close()
        if self._session is None and not self._error:
            self._load()
        if self._session is None:
            return Outcome(False, self._error)
        try:
            value = run_code(self._session, call_text(name, case.arguments))
        except (monty.MontyCrashedError, WorkerDiedError):
            raise
        except RefusedValueError as error:
            return Outcome(False, str(error))
        except (monty.MontyError, RuntimeError) as error:
            return Outcome(False, _describe(error) if _is_ordinary(error) else self._lost(error))
        return Outcome(same_value(case.expected, value), _SHORT.repr(value))

    def close(self) -> None:
        """Return the worker."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _load(self) -> None:
        """Run the source in a new session."""
        self._session = self._sandbox.open("candidate", {})
        try:
            run_code(self._session, self._source)
        except (monty.MontyCrashedError, WorkerDiedError):
            raise
        except (monty.MontyError, RuntimeError, RefusedValueError) as error:
            self._error = _describe(error)
            self.close()

    def _lost(self, error: Exception) -> str:
        """Discard a session that can no longer be trusted, and describe why."""
        self.close()
        self._num_lost += 1
        if self._num_lost >= MAX_LOST_SESSIONS:
            self._error = f"not run: {self._num_lost} calls before it ran out of time or memory"
        return _describe(error)


_FATAL = (TimeoutError, MemoryError)


def _is_ordinary(error: Exception) -> bool:
    """Tell whether a call failed in a way that leaves its session intact."""
    return isinstance(error, monty.MontyRuntimeError) and not isinstance(error.exception(), _FATAL)


def run_code(session: Session, code: str) -> Any:
    """Run code without access to anything outside: no functions, no files, no names; its output is dropped.

    Raises:
        monty.MontyError: The code failed.
        WorkerDiedError: Its worker died.
        RuntimeError: The code awaits something that does not exist.
        RefusedValueError: Its value cannot leave the session.
    """
    snapshot: Snapshot = session.start(code, _ignore)
    while not isinstance(snapshot, monty.MontyComplete):
        if isinstance(snapshot, monty.NameLookupSnapshot):
            snapshot = snapshot.resume()
        elif isinstance(snapshot, monty.FutureSnapshot):
            raise RuntimeError("the code awaits something that never comes")
        elif snapshot.is_os_function:
            snapshot = snapshot.resume_not_handled()
        else:
            message = f"name {snapshot.function_name!r} is not defined"
            snapshot = snapshot.resume({"exc_type": "NameError", "message": message})
    done = snapshot
    return take(lambda: done.output, "The value")


def _ignore(_stream: str, _text: str) -> None:
    """Drop a candidate's output."""


def _describe(error: Exception) -> str:
    """Return an error as one short line."""
    text = error.display("type-msg") if isinstance(error, _EXPLAINED) else f"{type(error).__name__}: {error}"
    line = text[:_MAX_LINE].replace("\n", " ")
    return line if len(text) <= _MAX_LINE else f"{line}..."


_EXPLAINED = (monty.MontyRuntimeError, monty.MontySyntaxError)
_MAX_LINE = 200
_MAX_ITEMS = 20


class _Short(reprlib.Repr):
    """Like `repr`, with long values shortened."""

    def __init__(self) -> None:
        super().__init__()
        self.maxtuple = self.maxlist = self.maxdict = self.maxset = _MAX_ITEMS
        self.maxstring = self.maxother = self.maxlong = _MAX_LINE

    def repr_int(self, x: int, level: int) -> str:
        """Write an integer, or describe one that has too many digits for Python to print."""
        try:
            return super().repr_int(x, level)
        except ValueError:
            return f"<an integer of {x.bit_length():,} bits>"


_SHORT = _Short()
