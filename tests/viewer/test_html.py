from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from counting import Counting
from hypothesis import given
from hypothesis import strategies as st

from rao_gym.errors import InvalidValueError
from rao_gym.limits import Limits
from rao_gym.runtime import Runtime
from rao_gym.tree import ExecutionTree
from rao_gym.viewer import write_page
from rao_gym.viewer.html import embedded_json

Play = Callable[[Mapping[str, Sequence[str]]], ExecutionTree]
Build = Callable[[Sequence[int | None]], ExecutionTree]

FINISH = '<tool_call>{"name": "finish", "arguments": {"answer": %s}}</tool_call>'
LAUNCH = '<tool_call>{"name": "launch_subagent", "arguments": {"goal": %s, "start": 0, "end": 2}}</tool_call>'
HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!-- <script>",
    "]]> -->",
    "&lt;b&gt; &amp;",
    "{{trees}} {{settings}}",
    "\u2028 \u2029 \u202e right to left \u2066",
    "\ud800 a lone surrogate \udfff",
    "\x00\x1b[2J",
    "x" * 900_000,
]


class Page(HTMLParser):
    """The tags, attributes and script contents of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.title = ""
        self._inside = ""
        self.feed(path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)
        self._inside = tag
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)
        elif self._inside == "title":
            self.title += data

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    @property
    def trees(self) -> list[dict[str, Any]]:
        return [json.loads(text) for attributes, text in self.scripts if attributes.get("class") == "tree"]

    @property
    def settings(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(next(text for attrs, text in self.scripts if attrs.get("id") == "settings"))
        return found


def test_holds_every_node_with_its_transcript_and_figures(play: Play, tmp_path: Path) -> None:
    tree = play(
        {
            "root": [LAUNCH % '"Sum the numbers."' + LAUNCH % '"Guess."', FINISH % sum_of(play)],
            "root.0": [FINISH % "-1"],
            "root.1": [FINISH % "7"],
        }
    )
    limits = {"test/Counting-v0": Limits(max_turns=4, window=8_192)}
    write_page([tree], tmp_path / "new" / "page.html", "One tree", delegation_bonus=0.4, limits=limits)
    page = Page(tmp_path / "new" / "page.html")
    [document] = page.trees
    assert page.title == "One tree"
    assert page.settings["limits"]["test/Counting-v0"]["max_turns"] == 4
    assert page.settings["delegation_bonus"] == 0.4
    assert [node["parent"] for node in document["nodes"]] == [None, 0, 0]
    assert [node["verified"] for node in document["nodes"]] == [1.0, 0.0, None]
    assert [node["signal"] for node in document["nodes"]] == [1.0, 0.0, 1.0]  # the root's stands in for "Guess."
    assert [node["reward"] for node in document["nodes"]] == pytest.approx([1.0 + 0.4 * 0.5, 0.0, 1.0])
    assert [node["outcome"] for node in document["nodes"]] == ["finished"] * 3
    assert document["nodes"][1]["arguments"] == {"start": 0, "end": 2}
    for node, written in zip(tree.nodes, document["nodes"], strict=True):
        transcript = [{"role": role, "content": document["texts"][text]} for role, text in written["messages"]]
        assert transcript == node.messages
        assert (written["turns"], written["tokens"]) == (node.turns, node.tokens)


def test_children_that_are_no_parts_earn_no_bonus_on_the_page(build: Build, tmp_path: Path) -> None:
    tree = build([None, 0, 0])
    for node, signal, part in zip(tree.nodes, [0.0, 0.5, 1.0], [None, True, False], strict=True):
        node.signal, node.part = signal, part
    write_page([tree], tmp_path / "page.html", "Parts", delegation_bonus=0.4)
    [document] = Page(tmp_path / "page.html").trees
    assert [node["part"] for node in document["nodes"]] == [None, True, False]
    assert document["nodes"][0]["reward"] == pytest.approx(0.2)


def sum_of(play: Play) -> int:
    """Return the right answer of the task that `play` plays."""
    answer = play({"root": [FINISH % "0"]}).task.answer
    assert isinstance(answer, int)
    return answer


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_text_of_policies_stays_text(play: Play, tmp_path: Path, text: str) -> None:
    quoted = json.dumps(text)
    tree = play({"root": [text, LAUNCH % quoted, FINISH % quoted], "root.0": [FINISH % quoted]})
    write_page([tree], tmp_path / "page.html", text)
    page = Page(tmp_path / "page.html")
    template = Page(Path(str(resources.files("rao_gym.viewer").joinpath("page.html"))))
    assert page.tags == [*template.tags[:-1], "script", "script"], "the page has the template's elements and one tree"
    [document] = page.trees
    assert document["nodes"][0]["value"] == tree.root.value
    assert document["nodes"][1]["goal"] == tree.nodes[1].goal
    contents = [document["texts"][text] for _, text in document["nodes"][0]["messages"]]
    assert contents == [message["content"] for message in tree.root.messages]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(), max_size=30),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
        max_leaves=10,
    )
)
def test_embedded_json_reads_back_and_cannot_end_its_element(value: Any) -> None:
    text = embedded_json(value)
    assert json.loads(text) == value
    assert text.isascii()
    assert not set(text) & set("<>&\n")


def test_large_integers_are_not_rounded(play: Play, tmp_path: Path) -> None:
    write_page([play({"root": [FINISH % str(10**20 + 1)]})], tmp_path / "page.html", "Large")
    assert Page(tmp_path / "page.html").trees[0]["nodes"][0]["value"] == str(10**20 + 1)


def test_asks_nothing_of_the_network(build: Build, tmp_path: Path) -> None:
    write_page([build([None, 0])], tmp_path / "page.html", "Alone")
    page = Page(tmp_path / "page.html")
    policies = [value for _, value in page.attributes if value is not None and "default-src" in value]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"]
    assert not {"src", "href", "srcset", "action"} & {name for name, _ in page.attributes}
    style = resources.files("rao_gym.viewer").joinpath("page.css").read_text(encoding="utf-8")
    assert not re.search(r"url\(|@import", style)


def test_the_script_never_writes_markup() -> None:
    script = resources.files("rao_gym.viewer").joinpath("page.js").read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", script)
    assert "</script" not in script


def test_every_element_that_the_script_looks_up_is_in_the_page() -> None:
    folder = resources.files("rao_gym.viewer")
    script, page = (folder.joinpath(name).read_text(encoding="utf-8") for name in ("page.js", "page.html"))
    wanted = set(re.findall(r'(?:byId|getElementById)\("([^"]+)"\)', script))
    assert wanted
    assert wanted <= set(re.findall(r'id="([^"]+)"', page))


def test_several_trees_and_unfinished_ones(tmp_path: Path, build: Build) -> None:
    runtime = Runtime(Counting(), None, "tools")
    runtime.reset(0, 2)
    write_page([build([None, 0]), runtime.tree], tmp_path / "page.html", "Two")
    page = Page(tmp_path / "page.html")
    assert page.settings["labels"] == ["test:0 · s̃ 1.00 · 2 nodes", f"{runtime.task.record.id} · s̃ ? · 1 node"]
    [running] = page.trees[1]["nodes"]
    assert (running["outcome"], running["ended"], running["signal"], running["reward"]) == ("ready", False, None, None)


def test_large_trees_are_written_once_for_each_text(build: Build, tmp_path: Path) -> None:
    tree = build([None, *range(9_999)])
    for node in tree.nodes:
        node.messages.insert(0, {"role": "system", "content": "The rules. " * 200})
    write_page([tree], tmp_path / "page.html", "Large")
    assert (tmp_path / "page.html").stat().st_size < 5_000_000
    assert len(Page(tmp_path / "page.html").trees[0]["nodes"]) == 10_000


def test_no_tree_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="no tree"):
        write_page([], tmp_path / "page.html", "Empty")
