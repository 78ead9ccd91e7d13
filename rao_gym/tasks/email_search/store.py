"""Mails in SQLite, with a full-text index (FTS5): in memory for those of a task, and in files for those of users."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path

from rao_gym.errors import FileFormatError, MissingFileError, reason_of
from rao_gym.jsonable import JSON, to_json_value
from rao_gym.tools import ToolError

Row = tuple[str, str, str, str]
"""Day, sender, subject and body of a mail."""

QuestionRow = tuple[str, JSON, int]
"""A question, its answer, and the number of the mail that holds that."""

MAX_QUERY_CHARS = 1_000

_SCHEMA = """
CREATE TABLE mails (number INTEGER PRIMARY KEY, day TEXT, sender TEXT, subject TEXT, body TEXT);
CREATE TABLE questions (question TEXT, answer TEXT, mail INTEGER);
CREATE VIRTUAL TABLE mail_index USING fts5(
    sender, subject, body, content='mails', content_rowid='number', tokenize='porter unicode61'
);
"""
_MATCHING = "FROM mail_index WHERE mail_index MATCH ? AND rowid >= ? AND rowid < ?"
_WORD = re.compile(r"[^\W_]+")


class MailStore:
    """A database in memory.

    Args:
        connection: The database.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def of(cls, rows: Iterable[Row]) -> MailStore:
        """Return a store of these mails."""
        connection = _in_memory()
        _fill(connection, rows, ())
        return cls(connection)

    @classmethod
    def load(cls, path: Path) -> tuple[MailStore, list[Row], list[QuestionRow]]:
        """Copy a file into memory and check it, its index included; later changes of the file change nothing.

        Raises:
            MissingFileError: The file does not exist or cannot be read.
            FileFormatError: It is no mailbox, or damaged.
        """
        if not path.is_file():
            raise MissingFileError(f"There is no mailbox at {path}.")
        connection = _in_memory()
        try:
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
                file.backup(connection)
            damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if damage != "ok":
                raise FileFormatError(f"{path} is damaged: {' '.join(damage.split())}.")
            connection.execute("INSERT INTO mail_index(mail_index, rank) VALUES ('integrity-check', 1)")
            rows = connection.execute("SELECT day, sender, subject, body FROM mails ORDER BY number").fetchall()
            numbers = [number for (number,) in connection.execute("SELECT number FROM mails ORDER BY number")]
            questions = connection.execute("SELECT question, answer, mail FROM questions").fetchall()
        except sqlite3.Error as error:
            raise FileFormatError(f"{path} is no sound mailbox: {reason_of(error)}.") from error
        _check_mails(path, numbers, rows)
        return cls(connection), rows, [_checked_question(path, row, len(rows)) for row in questions]

    def search(self, query: str, first: int, after: int, most: int) -> tuple[int, list[int]]:
        """Find the mails that have all words of a query.

        Args:
            query: The words.
            first: The first mail to look at.
            after: The mail after the last.
            most: Maximum number of mails to return.

        Returns:
            How many there are, and the numbers of the latest ones.

        Raises:
            ToolError: The query has no words, or is too long.
        """
        if len(query) > MAX_QUERY_CHARS:
            raise ToolError(f"the query has {len(query):,} characters, at most {MAX_QUERY_CHARS:,} are allowed.")
        words = _WORD.findall(query.encode("utf-8", "ignore").decode())
        if not words:
            raise ToolError("the query has no words to search for.")
        bound = (" ".join(f'"{word}"' for word in words), first, after)
        [total] = self._connection.execute(f"SELECT count(*) {_MATCHING}", bound).fetchone()
        latest = self._connection.execute(f"SELECT rowid {_MATCHING} ORDER BY rowid DESC LIMIT ?", (*bound, most))
        return int(total), [int(number) for (number,) in latest]


def write_mailbox(path: Path | str, mails: Sequence[Row], questions: Sequence[QuestionRow]) -> None:
    """Write a mailbox file, which must not exist yet.

    Args:
        path: The file.
        mails: Day (YYYY-MM-DD), sender, subject and body of each mail, in the order of their days.
        questions: Questions, their answers, and the numbers of the mails that hold these, counted from 0.

    Raises:
        FileExistsError: There is a file already.
        FileFormatError: The days are in no order, or a question names no mail.
    """
    file = Path(path)
    _check_mails(file, list(range(len(mails))), mails)
    for question in questions:
        _checked_question(file, (question[0], json.dumps(question[1]), question[2]), len(mails))
    file.touch(exist_ok=False)
    with closing(sqlite3.connect(file)) as connection:
        _fill(connection, mails, questions)


def _in_memory() -> sqlite3.Connection:
    """Return an empty database, which any one thread at a time may use."""
    return sqlite3.connect(":memory:", check_same_thread=False)


def _fill(connection: sqlite3.Connection, mails: Iterable[Row], questions: Iterable[QuestionRow]) -> None:
    """Write mails and questions into an empty database, and index the mails."""
    connection.executescript(_SCHEMA)
    connection.executemany(
        "INSERT INTO mails VALUES (?, ?, ?, ?, ?)", ((number, *mail) for number, mail in enumerate(mails))
    )
    connection.executemany(
        "INSERT INTO questions VALUES (?, ?, ?)", ((text, json.dumps(answer), mail) for text, answer, mail in questions)
    )
    connection.execute("INSERT INTO mail_index(mail_index) VALUES ('rebuild')")
    connection.commit()


def _check_mails(path: Path, numbers: Sequence[object], rows: Sequence[Sequence[object]]) -> None:
    """Check that mails are numbered from 0, in the order of their days, and that all of their fields are text.

    Raises:
        FileFormatError: They are not.
    """
    if not rows:
        raise FileFormatError(f"{path} holds no mails.")
    if list(numbers) != list(range(len(rows))):
        raise FileFormatError(f"{path}: mails must be numbered from 0 to {len(rows) - 1}, without gaps.")
    earlier = ""
    for number, row in enumerate(rows):
        if len(row) != 4 or not all(isinstance(value, str) for value in row):
            raise FileFormatError(f"{path}, mail {number}: day, sender, subject and body must be text.")
        day = str(row[0])
        if not is_day(day):
            raise FileFormatError(f"{path}, mail {number}: the day must be YYYY-MM-DD, got {day[:40]!r}.")
        if day < earlier:
            raise FileFormatError(f"{path}, mail {number}: mails must be in the order of their days.")
        earlier = day


def is_day(text: str) -> bool:
    """Tell whether a text is a day, as YYYY-MM-DD."""
    try:
        return len(text) == 10 and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _checked_question(path: Path, row: Sequence[object], num_mails: int) -> QuestionRow:
    """Return a question from its row.

    Raises:
        FileFormatError: It is none.
    """
    question, answer, mail = row
    if not isinstance(question, str) or not question.strip():
        raise FileFormatError(f"{path}: a question must be text, got {str(question)[:40]!r}.")
    where = f"{path}, question {question[:40]!r}"
    if isinstance(mail, bool) or not isinstance(mail, int) or not 0 <= mail < num_mails:
        raise FileFormatError(f"{where}: there is no mail {str(mail)[:40]} among {num_mails}.")
    try:
        decoded = to_json_value(json.loads(str(answer)))
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{where}: the answer is not valid JSON: {reason_of(error)}.") from error
    if decoded is None:
        raise FileFormatError(f"{where}: the answer is missing.")
    return question, decoded, mail
