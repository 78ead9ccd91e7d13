"""The user's own questions, and files that are not what they should be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rao_gym.errors import FileFormatError, InvalidValueError, MissingFileError
from rao_gym.registry import make_setup
from rao_gym.runtime import turn_of
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.base import SPLITS
from rao_gym.tasks.long_context import LongContext
from rao_gym.tasks.long_context.documents import Passage
from rao_gym.tasks.long_context.question_files import QuestionFile

STORY = "\n".join(f"Chapter {n}. Once upon a time there was a river, and it was number {n} of many." for n in range(60))


def write_questions(path: Path, number: int) -> Path:
    lines = [
        json.dumps(
            {"context": f"{STORY}\nThe river's name is R{n}.", "question": f"Name of river {n}?", "answer": f"R{n}"}
        )
        for n in range(number)
    ]
    path.write_text("\n\n".join(lines), encoding="utf-8")
    return path


def test_missing_and_unreadable_files_are_named(tmp_path: Path) -> None:
    for option in ("text", "questions"):
        with pytest.raises(MissingFileError, match=r"nowhere\.txt"):
            make_setup("rao/LongContext-v0", **{option: tmp_path / "nowhere.txt"})
    with pytest.raises(MissingFileError, match="There are no"):
        LongContext(text=tmp_path)
    with pytest.raises(MissingFileError, match="Cannot read"):
        LongContext(questions=tmp_path)
    binary = tmp_path / "binary.txt"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileFormatError, match=r"binary\.txt is not UTF-8"):
        LongContext(text=binary)
    empty = tmp_path / "empty.txt"
    empty.write_text("\n \n", encoding="utf-8")
    with pytest.raises(FileFormatError, match="no text"):
        LongContext(text=empty)


@pytest.mark.parametrize("option", ["text", "questions"])
def test_what_is_no_path_is_refused(option: str) -> None:
    with pytest.raises(InvalidValueError, match=f"{option} must be a path, got 7"):
        make_setup("rao/LongContext-v0", **{option: 7})
    with pytest.raises(MissingFileError, match="null byte"):
        make_setup("rao/LongContext-v0", **{option: "a\0b"})


@pytest.mark.parametrize(
    "line",
    [
        "{not json",
        "[1, 2]",
        '{"context": "Words.", "question": "Which?"}',
        '{"context": "Words.", "question": 7, "answer": 1}',
        '{"context": " ", "question": "Which?", "answer": 1}',
        '{"question": "Which?", "answer": 1}',
        "[" * 100_000,
    ],
)
def test_a_bad_line_is_named_with_its_number(tmp_path: Path, line: str) -> None:
    file = write_questions(tmp_path / "questions.jsonl", 2)
    file.write_text(file.read_text(encoding="utf-8") + "\n" + line + "\n", encoding="utf-8")
    with pytest.raises(FileFormatError, match=r"questions\.jsonl, line 4: ") as error:
        LongContext(questions=file)
    assert "\n" not in str(error.value)


def test_questions_are_dealt_out_to_disjoint_splits(tmp_path: Path) -> None:
    family = LongContext(questions=write_questions(tmp_path / "questions.jsonl", 15))
    goals = {split: [family.sample(9, split, index, 1).goal for index in range(9)] for split in SPLITS}
    assert len(set(goals["train"])) == 9
    assert len(set(goals["validation"])) == len(set(goals["test"])) == 3
    assert len(set().union(*goals.values())) == 15
    assert goals["test"] == goals["test"][:3] * 3
    assert family.sample(9, "test", 0, 1).goal == family.sample(9, "test", 0, 5).goal


def test_a_repeated_question_is_in_one_split_and_a_repeated_draw_is_one_task(tmp_path: Path) -> None:
    file = write_questions(tmp_path / "questions.jsonl", 5)
    file.write_text(file.read_text(encoding="utf-8") + "\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
    family = LongContext(questions=file)
    ids = {
        split: {family.sample(s, split, i, d).record.id for s in (0, 1) for i in range(9) for d in (1, 2)}
        for split in SPLITS
    }
    assert [len(ids[split]) for split in SPLITS] == [3, 1, 1]
    assert len(set().union(*ids.values())) == 5


def test_an_edited_question_is_another_task(tmp_path: Path) -> None:
    file = write_questions(tmp_path / "questions.jsonl", 1)
    before = LongContext(questions=file).sample(0, "train", 0, 1).record.id
    file.write_text(file.read_text(encoding="utf-8").replace('"R0"', '"S0"'), encoding="utf-8")
    assert LongContext(questions=file).sample(0, "train", 0, 1).record.id != before


def test_one_question_with_two_answers_is_refused(tmp_path: Path) -> None:
    file = write_questions(tmp_path / "questions.jsonl", 1)
    file.write_text(file.read_text(encoding="utf-8") + "\n" + file.read_text(encoding="utf-8").replace('"R0"', '"S0"'))
    with pytest.raises(FileFormatError, match="line 2: this is the question of line 1 with another answer"):
        LongContext(questions=file)


def test_lone_surrogates_become_replacement_characters(tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text(json.dumps({"context": "a \ud800", "question": "b \ud800?", "answer": ["c \udfff"]}))
    task = LongContext(questions=file).sample(0, "train", 0, 1)
    assert (task.context.text, task.goal, task.record.answer) == ("a \ufffd", "b \ufffd?", ["c \ufffd"])


def test_lines_end_where_json_lines_do(tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    entry = {"context": "one\u2028two", "question": "what?", "answer": "x"}
    file.write_text(json.dumps(entry, ensure_ascii=False) + "\n", encoding="utf-8-sig")
    assert QuestionFile.read(str(file)).items["train"][0].number == 1


def test_a_split_without_questions_is_an_error(tmp_path: Path) -> None:
    family = LongContext(questions=write_questions(tmp_path / "questions.jsonl", 2))
    with pytest.raises(InvalidValueError, match="holds 2 questions, none of which is in split 'test'"):
        family.sample(0, "test", 0, 1)


def test_only_the_users_own_question_is_verified(tmp_path: Path) -> None:
    family = LongContext(questions=write_questions(tmp_path / "questions.jsonl", 3))
    task = family.sample(0, "train", 0, 1)
    assert task.goal == "Name of river 0?"
    assert "line 1" in task.record.provenance
    assert family.verify(task, task.root, " r0. ") == 1.0
    assert family.verify(task, task.root, "R1") == 0.0
    assert family.verify(task, Agent(goal="What is its name?", context=task.context), "R0") is None
    part = Passage(task.context.document, 0, 5)
    assert family.verify(task, Agent(goal=task.goal, context=part), "R0") is None


def test_scripted_policies_do_not_know_the_users_questions(tmp_path: Path) -> None:
    setup = make_setup(
        "rao/LongContext-v0", questions=write_questions(tmp_path / "questions.jsonl", 3), actions="tools"
    )
    runtime, policy = setup.runtime(), setup.family.reference_policy()
    runtime.reset(0)
    while not runtime.done:
        for node in list(runtime.ready):
            runtime.act(node, policy.act([turn_of(runtime, node)])[0])
    assert runtime.tree.root.value == "unknown"
    assert runtime.tree.root.signal == 0.0
    runtime.close()
