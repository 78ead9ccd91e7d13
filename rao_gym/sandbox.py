"""Python sessions in Monty's worker processes: many sessions, a handful of workers.

A session keeps its worker while workers are free. When another session needs one, the session that has been
idle longest is dumped to bytes, and loaded again when its turn comes; a cell that waits for children is dumped
in the middle of its `await` in the same way.

A dump needs memory of the session's own, about three times that of its variables. So that no result depends on which
sessions happened to be dumped, a session that has become large is dumped after every cell, and one that cannot be
dumped ends there, whatever the number of workers. Large dumps lie in temporary files, not in this process.
"""

from __future__ import annotations

import datetime
import os
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any, ClassVar, Literal

import pydantic_monty as monty

from rao_gym.errors import RaoError, UsageError
from rao_gym.limits import check_count

Snapshot = monty.FunctionSnapshot | monty.NameLookupSnapshot | monty.FutureSnapshot | monty.MontyComplete
PrintCallback = Callable[[Literal["stdout", "stderr"], str], None]

_PRELUDE = "import asyncio"
_CLOCK = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


_PAGE_BYTES = 4096 if not hasattr(os, "sysconf") else os.sysconf("SC_PAGE_SIZE")
_KEPT_DUMP_BYTES = 2**20  # of one session; a longer dump goes to a temporary file
_LARGE = 8
_GIVEN = 4


class SessionFullError(RaoError, MemoryError):
    """A session whose variables take too much memory to be kept; they are gone."""


class WorkerDiedError(RaoError, RuntimeError):
    """The worker process that held a session is gone, and the session with it."""


@dataclass(frozen=True, kw_only=True)
class SandboxLimits:
    """What one cell may use.

    Attributes:
        cell_seconds: Time that a cell may compute, not counting time in which it waits.
        memory_bytes: Memory of a running cell. Between cells and while it waits a session may keep about a quarter
            of it. Text that the session is given comes on top, four times.
        host_calls: Tool calls, launches and look-ups of one session between two loads of its state.
    """

    cell_seconds: float = 2.0
    memory_bytes: int = 64 * 2**20
    host_calls: int = 20_000


class Sandbox:
    """A pool of workers shared by the sessions of one or more runtimes; use it from one thread.

    Workers start with the first cell and end with `close`, or with the garbage collection of the sandbox.

    Attributes:
        limits: What one cell may use.
        max_workers: Worker processes alive at once.
        process: The process whose sandboxes have started workers; one that is forked from it cannot start any.
    """

    process: ClassVar[int | None] = None

    def __init__(self, limits: SandboxLimits | None = None, *, max_workers: int = 4) -> None:
        check_count("max_workers", max_workers)
        self.limits = limits or SandboxLimits()
        self.max_workers = max_workers
        self._start()

    def _start(self) -> None:
        """Begin without workers, in this process."""
        self._pool: monty.Monty | None = None
        self._live: OrderedDict[Session, None] = OrderedDict()
        self._unused_bytes: int | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy begins with: no workers. A copied session is dumped first."""
        return {"limits": self.limits, "max_workers": self.max_workers}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Begin as a copy."""
        self.limits, self.max_workers = state["limits"], state["max_workers"]
        self._start()

    def open(self, seed: str, variables: Mapping[str, Any]) -> Session:
        """Return a new session.

        Args:
            seed: Seed of the session's `random` module.
            variables: What the session's cells find as global variables.
        """
        return Session(self, seed, variables)

    @property
    def num_live(self) -> int:
        """Sessions that hold a worker at this moment."""
        return len(self._live)

    def close(self) -> None:
        """End all workers; sessions that were open cannot go on."""
        for session in list(self._live):
            session.close()
        if self._pool is not None and not _is_forked():
            self._pool.__exit__(None, None, None)
            self._pool = None

    def _checkout(self, session: Session) -> monty.MontySession:
        """Give `session` a worker, taking it from the session that was idle longest if none is free."""
        if self._pool is None:
            Sandbox.process = os.getpid()
            self._pool = monty.Monty(max_processes=self.max_workers).__enter__()
        if len(self._live) >= self.max_workers:
            next(iter(self._live)).suspend()
        worker = self._pool.checkout(
            limits={
                "max_feed_duration_secs": self.limits.cell_seconds,
                "max_memory": session.memory_bytes,
                "max_suspensions": self.limits.host_calls,
            },
            os_policy={"sleep": "zero", "datetime": _CLOCK, "random_start": {"seed": session.seed}},
        ).__enter__()
        self._live[session] = None
        used = _data_bytes(worker)
        if used is not None:
            self._unused_bytes = used if self._unused_bytes is None else min(used, self._unused_bytes)
        return worker

    def _is_large(self, session: Session, worker: monty.MontySession) -> bool:
        """Tell whether a session may hold so much that dumping it could fail; True where nobody can know."""
        used = _data_bytes(worker)
        if used is None or self._unused_bytes is None:
            return True
        return used - self._unused_bytes > session.memory_bytes // _LARGE

    def _check_process(self) -> None:
        """Check that this process may use workers.

        Raises:
            UsageError: It was forked from one that did: the workers answer that one, and no new ones can be started.
        """
        if _is_forked():
            raise UsageError(
                "Python cells cannot run in a process that was forked from one that ran them. Start the process with "
                "multiprocessing's 'spawn' or 'forkserver' method, or fork before the first cell."
            )


def _is_forked() -> bool:
    """Tell whether this process was forked from one that uses workers."""
    return Sandbox.process not in (None, os.getpid())


def _data_bytes(worker: monty.MontySession) -> int | None:
    """Return the memory that a worker has asked its system for, None where the system does not tell."""
    try:
        with open(f"/proc/{worker.worker_pid}/statm", "rb", buffering=0) as statm:
            return int(statm.read().split()[5]) * _PAGE_BYTES
    except OSError:
        return None


class Session:
    """One node's Python session: live in a worker, or dumped to bytes.

    Attributes:
        seed: Seed of the session's `random` module.
        memory_bytes: Memory of its worker; the text that it is given comes on top of the sandbox's limit.
    """

    __slots__ = (
        "_died",
        "_has_prelude",
        "_sandbox",
        "_snapshot",
        "_state",
        "_variables",
        "_worker",
        "memory_bytes",
        "seed",
    )

    def __init__(self, sandbox: Sandbox, seed: str, variables: Mapping[str, Any]) -> None:
        self._sandbox = sandbox
        self.seed = seed
        self._variables = dict(variables)
        given = sum(len(value.encode()) for value in variables.values() if isinstance(value, str))
        self.memory_bytes = sandbox.limits.memory_bytes + _GIVEN * given
        self._has_prelude = False
        self._worker: monty.MontySession | None = None
        self._snapshot: monty.FutureSnapshot | None = None
        self._state: bytes | IO[bytes] | None = None
        self._died = False

    def __getstate__(self) -> dict[str, Any]:
        """Return the dumped session: a copy continues from here, with a worker of its own sandbox."""
        self.suspend()
        state = {name: getattr(self, name) for name in self.__slots__}
        return state | {"_state": None if self._state is None else _read(self._state)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Become a copy."""
        for name, value in state.items():
            setattr(self, name, value)

    def give(self, variables: Mapping[str, Any]) -> None:
        """Let the next cell find these variables, whatever earlier cells put in their place."""
        self._variables.update(variables)

    def start(self, code: str, on_print: PrintCallback) -> Snapshot:
        """Start a cell and return where it first stops.

        Raises:
            monty.MontyError: The cell failed.
            WorkerDiedError: Its worker is gone.
        """
        worker = self._attach()
        if self._state is not None:
            state, self._state = self._state, None
            worker.load_session(_read(state))
        if not self._has_prelude and "asyncio" in code:  # most cells never need it, and it costs an exchange
            worker.feed_run(_PRELUDE)
            self._has_prelude = True
        variables, self._variables = self._variables, {}
        try:
            return worker.feed_start(code, inputs=variables, print_callback=on_print)
        except monty.MontyError as error:
            if isinstance(error.exception(), SyntaxError | NotImplementedError):
                self._variables = variables  # the cell was not understood, and nothing of it was done
            raise

    def is_usable(self) -> bool:
        """Tell whether the session can run another cell; what used up its memory may still hold it."""
        if self._worker is None:
            return not self._died
        try:
            self._worker.feed_run("None")
        except (monty.MontyError, RuntimeError):
            return False
        return True

    def wait(self, snapshot: monty.FutureSnapshot) -> None:
        """Keep a cell that waits at an `await`; from here on it may be dumped.

        Raises:
            SessionFullError: As `settle`.
        """
        self._snapshot = snapshot
        self.settle()

    def settle(self) -> None:
        """Dump the session after a cell if it is large.

        Raises:
            SessionFullError: Its variables take too much memory for that, so it cannot be kept.
        """
        if self._worker is not None and self._sandbox._is_large(self, self._worker):
            self.suspend()
            if self._died:
                raise SessionFullError("the variables take more memory than a session may keep between cells")

    def resume(self, results: dict[int, Any], on_print: PrintCallback) -> Snapshot:
        """Go on with the waiting cell.

        Args:
            results: What each pending call returns, by call id.
            on_print: Takes what the cell prints; used if the cell was dumped.

        Raises:
            monty.MontyError: The cell failed.
            WorkerDiedError: Its worker is gone.
        """
        worker = self._attach()
        if self._state is not None:
            state, self._state = self._state, None
            loaded = worker.load_snapshot(_read(state), print_callback=on_print)
            if not isinstance(loaded, monty.FutureSnapshot):
                raise UsageError("The dumped cell was not waiting.")
            snapshot = loaded
        elif self._snapshot is None:
            raise UsageError("This session has no waiting cell.")
        else:
            snapshot = self._snapshot
        self._snapshot = None
        return snapshot.resume({call: {"return_value": value} for call, value in results.items()})

    def suspend(self) -> None:
        """Dump the session and release its worker; a worker that died is found out at the next use."""
        if self._worker is None:
            return
        try:
            state = self._snapshot.dump() if self._snapshot is not None else self._worker.dump()
            self._state = _written(state) if len(state) > _KEPT_DUMP_BYTES else state
        except (monty.MontyError, RuntimeError):
            self._died = True
        self._snapshot = None
        self._release()

    def close(self) -> None:
        """Release the worker and forget the state."""
        self._snapshot = self._state = None
        self._release()

    def _attach(self) -> monty.MontySession:
        """Return the session's worker, getting one if need be, and mark the session as used last.

        Raises:
            UsageError: This process was forked from one that uses workers.
            WorkerDiedError: The worker is gone.
        """
        self._sandbox._check_process()
        if self._died:
            raise WorkerDiedError("the sandbox worker of this session was killed")
        if self._worker is None:
            self._worker = self._sandbox._checkout(self)
        else:
            self._sandbox._live.move_to_end(self)
        return self._worker

    def _release(self) -> None:
        """Give the worker back to the pool, unless it is another process's."""
        if self._worker is not None and not _is_forked():
            worker, self._worker = self._worker, None
            self._sandbox._live.pop(self, None)
            worker.__exit__(None, None, None)


def _written(state: bytes) -> IO[bytes]:
    """Return a temporary file that holds a dump and vanishes with its last reference."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  # it lives until the session goes on
    file.write(state)
    return file


def _read(state: bytes | IO[bytes]) -> bytes:
    """Return a dump."""
    if isinstance(state, bytes):
        return state
    state.seek(0)
    return state.read()
