"""Mailboxes: what their mails state, how they are searched, and files that are sound or damaged."""

from __future__ import annotations

import pickle
import sqlite3
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rao_gym.errors import FileFormatError, MissingFileError, RaoError
from rao_gym.tasks.email_search import write_mailbox
from rao_gym.tasks.email_search.mailbox import FiledMailbox, GeneratedMailbox
from rao_gym.tasks.email_search.statements import ATTRIBUTES, read_statement
from rao_gym.tasks.email_search.store import MAX_QUERY_CHARS, Row
from rao_gym.tasks.long_context.prose import article
from rao_gym.tools import ToolError

BOX = GeneratedMailbox("mailbox", 200)
MAILS: list[Row] = [
    ("2024-01-01", "Ada Bell", "Keys", "The keys are with the porter."),
    ("2024-02-29", "Ben Cole", "Re: Keys", "Which porter? There are two."),
    ("2024-02-29", "Ada Bell", "Lunch", "Lunch is at noon."),
]
QUESTIONS: list[tuple[str, Any, int]] = [("Who has the keys?", "the porter", 0), ("When is lunch?", "noon", 2)]


def sentences_of(body: str) -> list[str]:
    return [f"{sentence.rstrip('.')}." for sentence in body.split(". ")]


def test_the_mails_are_fixed_for_ever() -> None:
    assert sha256("\n\n".join(BOX.content).encode()).hexdigest()[:16] == "6c7286ff4251e749"


def test_every_mail_states_what_its_draft_says_and_nothing_else() -> None:
    for draft, mail in zip(BOX.drafts, BOX.mails, strict=True):
        stated = [found for sentence in sentences_of(mail.body) if (found := read_statement(sentence))]
        assert stated == ([(draft.attribute, draft.thing, draft.value)] if draft.value else [])
        assert draft.attribute in mail.body
    pairs = [(draft.attribute, draft.thing) for draft in BOX.drafts if draft.value]
    assert len(set(pairs)) == len(pairs)
    assert {attribute for attribute, _ in pairs} == set(ATTRIBUTES)


def test_no_sentence_of_the_prose_states_anything() -> None:
    assert not [line for number in range(0, 4_096, 16) for line in article(number).lines if read_statement(line)]


def test_a_search_finds_the_latest_mails_with_all_words_within_a_span() -> None:
    draft = next(draft for draft in BOX.drafts if draft.value)
    number = BOX.drafts.index(draft)
    words = f"{draft.thing} {draft.attribute}"
    fitting = [
        place
        for place, other in reversed(list(enumerate(BOX.drafts)))
        if (other.thing, other.attribute) == (draft.thing, draft.attribute)
    ]
    assert BOX.store.search(words, 0, 200, 10) == (len(fitting), fitting)
    assert BOX.store.search(words.upper(), number, number + 1, 10) == (1, [number])
    assert BOX.store.search(words, number + 1, number + 1, 10) == (0, [])
    total, latest = BOX.store.search("the", 0, 200, 5)
    assert total > 100
    assert latest == sorted(latest, reverse=True)


@given(st.text())
@settings(deadline=None)
def test_any_text_may_be_searched_for(query: str) -> None:
    with suppress(ToolError):
        total, latest = BOX.store.search(query, 0, 200, 5)
        assert len(latest) == min(total, 5)


@pytest.mark.parametrize("query", ["", " \n", "?!", '"*"', "\ud800", "x" * (MAX_QUERY_CHARS + 1)])
def test_queries_without_words_or_end_are_refused(query: str) -> None:
    with pytest.raises(ToolError, match=r"no words to search for|characters, at most 1,000"):
        BOX.store.search(query, 0, 200, 10)


@pytest.mark.parametrize(
    "query", ['a" OR "b', "NEAR(x y)", "sender:Ada", "x AND (", "-room", "caf\u00e9 \U0001f642", "^room*"]
)
def test_the_syntax_of_the_index_means_nothing(query: str) -> None:
    assert BOX.store.search(query, 0, 200, 10)[0] >= 0


def test_pickles_hold_the_key_alone() -> None:
    assert BOX.mails
    copy = pickle.loads(pickle.dumps(BOX))
    assert len(pickle.dumps(BOX)) < 300
    assert copy.content == BOX.content


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mails.sqlite"
    write_mailbox(path, MAILS, QUESTIONS)
    return path


def test_a_file_holds_what_was_written(file: Path) -> None:
    box = FiledMailbox(file)
    assert [(mail.day, mail.sender, mail.subject, mail.body) for mail in box.mails] == MAILS
    assert [(each.question, each.answer, each.mail) for each in box.questions] == QUESTIONS
    assert box.between("2024-02-29", "2024-02-29") == (1, 3)
    assert box.store.search("porters", 0, 3, 10) == (2, [1, 0])
    assert pickle.loads(pickle.dumps(box)).content == box.content
    with pytest.raises(FileExistsError):
        write_mailbox(file, MAILS, QUESTIONS)


def damage(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DROP TABLE mails", "no sound mailbox"),
        ("DROP TABLE questions", "no sound mailbox: no such table: questions"),
        ("DROP TABLE mail_index", "no sound mailbox: no such table: mail_index"),
        ("DELETE FROM mail_index_data WHERE id > 10", "no sound mailbox"),
        ("UPDATE mails SET body = 'Something else.' WHERE number = 1", "no sound mailbox"),
        ("DELETE FROM mails", "no sound mailbox|holds no mails"),
        (
            "UPDATE mails SET day = '2024-13-01' WHERE number = 2",
            "mail 2: the day must be YYYY-MM-DD, got '2024-13-01'",
        ),
        ("UPDATE mails SET day = '2023-01-01' WHERE number = 2", "mail 2: mails must be in the order of their days"),
        ("UPDATE mails SET day = x'00' WHERE number = 2", "mail 2: day, sender, subject and body must be text"),
        ("UPDATE mails SET number = 7 WHERE number = 2", "no sound mailbox|numbered from 0 to 2"),
        ("UPDATE questions SET mail = 3", "question 'Who has the keys\\?': there is no mail 3 among 3"),
        ("UPDATE questions SET answer = '{'", "the answer is not valid JSON"),
        ("UPDATE questions SET answer = 'null'", "the answer is missing"),
        ("UPDATE questions SET question = ' '", "a question must be text"),
    ],
)
def test_a_damaged_file_gives_one_clear_line(file: Path, statement: str, message: str) -> None:
    damage(file, statement)
    with pytest.raises(FileFormatError, match=message) as caught:
        FiledMailbox(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"not a database at all, but text" * 50, b"SQLite format 3\0" + b"\xff" * 5_000]
)
def test_a_file_that_is_no_database_gives_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "junk.sqlite"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match="no sound mailbox") as caught:
        FiledMailbox(path)
    assert "\n" not in str(caught.value)


def test_pages_that_are_overwritten_are_noticed(file: Path) -> None:
    text = file.read_bytes()
    for start in range(4_096, len(text), 4_096):
        file.write_bytes(text[:start] + b"\xa5" * 4_096 + text[start + 4_096 :])
        with pytest.raises(FileFormatError) as caught:
            FiledMailbox(file)
        assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.sqlite", tmp_path):
        with pytest.raises(MissingFileError, match="There is no mailbox at"):
            FiledMailbox(path)


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    for mails, questions in (([], []), (MAILS[::-1], []), (MAILS, [("Who?", "Ada", 3)]), (MAILS, [("Who?", None, 0)])):
        with pytest.raises(RaoError):
            write_mailbox(tmp_path / "box.sqlite", mails, questions)
    assert not list(tmp_path.iterdir())
