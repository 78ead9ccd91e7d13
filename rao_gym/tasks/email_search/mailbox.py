"""Mailboxes: mails in the order of their days, generated or read from a file, with an index to search them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rao_gym.jsonable import JSON
from rao_gym.tasks.content import content_hash
from rao_gym.tasks.email_search.drafts import Draft, draw_drafts, write_body
from rao_gym.tasks.email_search.store import MailStore
from rao_gym.tasks.long_context.prose import NUM_ARTICLES, article
from rao_gym.tasks.long_context.prose.dice import Dice

_ARTICLES = 6  # whose sentences fill the mails of one mailbox


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A mail.

    Attributes:
        day: Its day, as YYYY-MM-DD.
        sender: Who wrote it.
        subject: Its subject.
        body: Its text.
    """

    day: str
    sender: str
    subject: str
    body: str


@dataclass(frozen=True, kw_only=True)
class FiledQuestion:
    """A question about a mailbox from a file.

    Attributes:
        question: The question.
        answer: The right answer.
        mail: The number of the mail that holds it.
    """

    question: str
    answer: JSON
    mail: int


class Mailbox(ABC):
    """Mails, numbered from 0 in the order of their days; subclasses say where they come from."""

    @property
    @abstractmethod
    def mails(self) -> tuple[Mail, ...]:
        """All mails."""

    @property
    @abstractmethod
    def days(self) -> tuple[str, ...]:
        """The day of each mail."""

    @cached_property
    def store(self) -> MailStore:
        """The mails in a database in memory, to be searched."""
        return MailStore.of([(mail.day, mail.sender, mail.subject, mail.body) for mail in self.mails])

    @property
    def content(self) -> tuple[str, ...]:
        """The mails' text: what tasks are compared by, since the statements are only what the mails tell."""
        return tuple("\n".join((mail.day, mail.sender, mail.subject, mail.body)) for mail in self.mails)

    def __len__(self) -> int:
        """Return the number of mails."""
        return len(self.days)

    def between(self, since: str, until: str) -> tuple[int, int]:
        """Return the first mail from a day on, and the one after the last up to another; both days are included."""
        return bisect_left(self.days, since), bisect_right(self.days, until)


class GeneratedMailbox(Mailbox):
    """The mailbox of one task. Its mails are drawn with the task, but only written once somebody searches them.

    Args:
        key: Equal keys and sizes give equal mailboxes.
        num_mails: Number of mails.
    """

    def __init__(self, key: str, num_mails: int) -> None:
        self.key = key
        self.num_mails = num_mails

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without what follows from the key."""
        return type(self), (self.key, self.num_mails)

    @cached_property
    def drafts(self) -> tuple[Draft, ...]:
        """What each mail tells."""
        return draw_drafts(Dice(f"{self.key} drafts"), self.num_mails)

    @cached_property
    def days(self) -> tuple[str, ...]:
        """The day of each mail."""
        return tuple(draft.day for draft in self.drafts)

    @cached_property
    def mails(self) -> tuple[Mail, ...]:
        """All mails, written out."""
        dice = Dice(f"{self.key} mails")
        lines = [line for _ in range(_ARTICLES) for line in article(dice.below(NUM_ARTICLES)).lines[1:]]
        filler = [line for line in lines if line.endswith(".")]
        return tuple(
            Mail(day=draft.day, sender=draft.sender, subject=draft.subject, body=write_body(dice, draft, filler))
            for draft in self.drafts
        )


class FiledMailbox(Mailbox):
    """The mailbox of a file.

    Args:
        path: The file.

    Raises:
        MissingFileError: It does not exist or cannot be read.
        FileFormatError: It is no mailbox, or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store, rows, questions = MailStore.load(path)
        self._mails = tuple(
            Mail(day=day, sender=sender, subject=subject, body=body) for day, sender, subject, body in rows
        )
        self._days = tuple(mail.day for mail in self._mails)
        self.questions = tuple(
            FiledQuestion(question=text, answer=answer, mail=mail) for text, answer, mail in questions
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the path; who unpickles it reads the file again."""
        return type(self), (self.path,)

    @property
    def mails(self) -> tuple[Mail, ...]:
        """All mails."""
        return self._mails

    @property
    def days(self) -> tuple[str, ...]:
        """The day of each mail."""
        return self._days

    @cached_property
    def content_hash(self) -> str:
        """A hash of the mails: an edited mailbox is another one."""
        return content_hash(self.content)[:12]
