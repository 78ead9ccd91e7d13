"""Compare rollouts against a server with what they could take at least: ``python benchmarks/server_speed.py``.

A server on loopback, in a process of its own, answers every turn of `rao/Arithmetic-v0` as the reference policy does.

- ``slow requests``: one request in twelve takes `--slow-s` seconds. Printed is the time of about 700 turns over what
  the slowest chain of dependent turns takes, for no schedule can beat that chain.
- ``client``: the same requests through the policy's client, through threads with an `httpx.Client` each, as one
  writes with the openai package, and through threads with a bare `http.client` connection each; in turns, in one
  process. Printed are ratios of the medians.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import http.client
import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from queue import Empty, SimpleQueue
from statistics import median
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

import httpx

from rao_gym import make_setup
from rao_gym.evaluation import TaskKey, run_rollouts
from rao_gym.policies.base import ConcurrentPolicy, Turn
from rao_gym.policies.openai import OpenAIPolicy, ServerOptions
from rao_gym.runtime import turn_of
from rao_gym.tree import ExecutionTree

ID = "rao/Arithmetic-v0"
SLOW_SHARE = 12


def latency_of(messages: Sequence[Any], slow_s: float) -> float:
    """Return how long a turn takes: a function of what it says, so that the chains are known beforehand."""
    digest = hashlib.sha256(json.dumps(messages).encode()).digest()
    return slow_s if digest[0] % SLOW_SHARE == 0 else 0.0


async def serve(slow_s: float) -> None:
    """Answer chat completions for ever; the port is printed first."""
    family = make_setup(ID).family
    reference = family.reference_policy()
    limits: Any = None  # which the reference policy does not look at

    def reply(messages: list[dict[str, str]]) -> bytes:
        seen: Any = messages
        turn = Turn(agent="", depth=0, messages=seen, limits=limits, tools=(), actions="tools")
        content = reference.act([turn])[0] if "Compute" in messages[1]["content"] else "ok"
        choice = {"message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
        return json.dumps({"choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}).encode()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
                body = json.loads(await reader.readexactly(length))
                if wait := latency_of(body["messages"], slow_s):
                    await asyncio.sleep(wait)
                answer = reply(body["messages"])
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def server(slow_s: float) -> Iterator[str]:
    """Run the server in a process of its own, and yield its address."""
    command = [sys.executable, __file__, "--serve", "--slow-s", str(slow_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
        finally:
            process.kill()


def slowest_chain(tree: ExecutionTree, slow_s: float) -> float:
    """Return the seconds that the turns of a tree which have to wait for each other take."""
    seconds = [0.0] * len(tree)
    for node in reversed(tree.nodes):  # children come after their parents
        own = sum(
            latency_of(node.messages[:place], slow_s)
            for place, message in enumerate(node.messages)
            if message["role"] == "assistant"
        )
        waves: dict[int, float] = {}
        for child in node.children:
            waves[child.wave] = max(waves.get(child.wave, 0.0), seconds[child.id])
        seconds[node.id] = own + sum(waves.values())
    return seconds[0]


def measure_slow_requests(slow_s: float, trees: int, difficulty: int) -> None:
    """Print how close rollouts come to the slowest chain."""
    setup = make_setup(ID)
    keys = [TaskKey(seed=0, split="test", index=index, difficulty=difficulty) for index in range(trees)]
    with server(slow_s) as url:
        policy = ConcurrentPolicy(OpenAIPolicy("m", ServerOptions(base_url=url)))
        started = perf_counter()
        grown = [rollout.tree for rollout in run_rollouts(policy, setup, keys, workers=trees) if rollout.tree]
        seconds = perf_counter() - started
        policy.close()
    chain = max(slowest_chain(tree, slow_s) for tree in grown)
    turns = sum(tree.turns for tree in grown)
    print(f"slow requests: {turns} turns in {seconds:.2f} s, slowest chain {chain:.2f} s, ratio {seconds / chain:.2f}")


def measure_client(requests: int, connections: int, rounds: int) -> None:
    """Print the client's time over that of one connection a thread."""
    runtime = make_setup(ID).runtime()
    turn = turn_of(runtime, runtime.reset(0))
    with server(0.0) as url:
        body = json.dumps({"model": "m", "messages": list(turn.messages)}).encode()
        options = ServerOptions(base_url=url, max_concurrency=connections)
        times: tuple[list[float], ...] = ([], [], [])
        context = ssl.create_default_context()

        def ours() -> None:
            policy = ConcurrentPolicy(OpenAIPolicy("m", options))
            policy.act([turn] * requests)
            policy.close()

        def httpx_threads() -> None:
            _by_threads(lambda: _httpx_client(options.url, body, context), requests, connections)

        def bare_threads() -> None:
            _by_threads(lambda: _bare_client(options.url, body), requests, connections)

        functions: tuple[Callable[[], None], ...] = (ours, httpx_threads, bare_threads)
        for number in range(rounds + 1):
            for place, function in enumerate(functions):
                started = perf_counter()
                function()
                if number:  # the first round warms up
                    times[place].append(perf_counter() - started)
    mine, clients, bare = map(median, times)
    print(
        f"client: {requests} requests, {connections} connections: {mine:.2f} s, "
        f"ratio {mine / clients:.2f} to httpx clients, {mine / bare:.2f} to bare connections"
    )


@contextmanager
def _httpx_client(url: str, body: bytes, context: ssl.SSLContext) -> Iterator[Callable[[], object]]:
    """Yield what sends one request through an `httpx.Client`."""
    with httpx.Client(verify=context, headers={"Content-Type": "application/json"}) as client:
        yield lambda: client.post(url, content=body).json()


@contextmanager
def _bare_client(url: str, body: bytes) -> Iterator[Callable[[], object]]:
    """Yield what sends one request over an `http.client` connection."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)

    def send() -> object:
        connection.request("POST", parts.path, body, {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read())

    yield send
    connection.close()


def _by_threads(
    client: Callable[[], AbstractContextManager[Callable[[], object]]], requests: int, connections: int
) -> None:
    """Send requests from threads with a client each."""
    waiting: SimpleQueue[None] = SimpleQueue()
    for _ in range(requests):
        waiting.put(None)

    def work() -> None:
        with client() as send:
            while True:
                try:
                    waiting.get_nowait()
                except Empty:
                    return
                send()

    workers = [threading.Thread(target=work) for _ in range(connections)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def main() -> None:
    """Measure and print, or serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--slow-s", type=float, default=3.0)
    parser.add_argument("--trees", type=int, default=95)
    parser.add_argument("--difficulty", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(serve(arguments.slow_s))
        return
    measure_slow_requests(arguments.slow_s, arguments.trees, arguments.difficulty)
    for connections in (64, 512):
        measure_client(2000, connections, arguments.rounds)


if __name__ == "__main__":
    main()
