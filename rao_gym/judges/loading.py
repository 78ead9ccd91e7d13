"""Judges by name, and the settings that name them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from rao_gym.errors import InvalidValueError, unknown_name
from rao_gym.jsonable import JSON, to_json_value
from rao_gym.judges.chain import SignalChain, check_judge, parse_signals
from rao_gym.judges.model import DEFAULTS, NOT_FOR_JUDGES, JudgeOptions, ModelJudge
from rao_gym.plugins import build_part, check_takes
from rao_gym.policies.openai import TRANSPORT_OPTIONS, ServerOptions
from rao_gym.rewards import WITH_JUDGE, WITHOUT_JUDGE, Judge

NAMES: Final = ("openai:MODEL", "module:name")
"""The forms of a judge's name."""

_OWN: Final = tuple(each.name for each in fields(JudgeOptions))
_SERVER: Final = tuple(each.name for each in fields(ServerOptions) if each.name not in NOT_FOR_JUDGES)
NOT_IDENTIFYING: Final = TRANSPORT_OPTIONS | {"cache"}
"""Options of a judge that its verdicts do not depend on; a resumed run may change them."""


def load_judge(judge: str | Judge, family: str, options: Mapping[str, Any] | None = None) -> Judge:
    """Return a judge by name.

    Args:
        judge: A name in one of the forms of `NAMES`, or a judge.
        family: Id of the family whose nodes it judges.
        options: Its options: those of `JudgeOptions` and `ServerOptions` for ``openai``, the class's arguments for
            ``module:name``.

    Raises:
        UnknownNameError: There is no such judge, or it has no such option.
        InvalidValueError: A value is out of range, or the user's own judge cannot be imported.
        MissingFileError: A rubric of the user's own cannot be read.
        FileFormatError: It is not a rubric.
    """
    options = dict(options or {})
    if not isinstance(judge, str):
        if options:
            raise unknown_name("option of the judge", next(iter(options)), ())
        check_takes("judge", type(judge).__name__, judge, "node")
        return judge
    prefix, colon, rest = judge.partition(":")
    if not colon or not rest:
        raise unknown_name("judge", judge, NAMES)
    if prefix != "openai":
        built: Judge = build_part("judge", judge, options)
        check_takes("judge", judge, built, "node")
        return built
    for name in options:
        if name not in _OWN + _SERVER:
            raise unknown_name(f"option of judge {judge}", name, _OWN + _SERVER)
    own = JudgeOptions(**{name: value for name, value in options.items() if name in _OWN})
    server = {**DEFAULTS} | {name: value for name, value in options.items() if name in _SERVER}
    return ModelJudge(rest, family, ServerOptions(**server), own)


@dataclass(frozen=True, kw_only=True)
class Grading:
    """Where the signals of a run come from, as its user says it.

    Attributes:
        signals: Sources in order, such as ``exact,judge,root``; None for ``exact,judge`` if there is a judge, else
            ``exact,root,zero``.
        judge: The judge's name, or a judge; None for none.
        judge_options: Options of a judge that is given by name.
    """

    signals: str | None = None
    judge: str | Judge | None = None
    judge_options: Mapping[str, Any] = field(default_factory=dict)

    def chain(self, family: str) -> SignalChain:
        """Return the chain for the nodes of a family.

        Args:
            family: The family's id, which decides the rubric.

        Raises:
            UnknownNameError: There is no such source, judge or option.
            InvalidValueError: A value is out of range, or sources and judge do not go together.
        """
        default = WITHOUT_JUDGE if self.judge is None else WITH_JUDGE
        sources = default if self.signals is None else parse_signals(self.signals)
        check_judge(sources, has_judge=self.judge is not None)
        if self.judge is None:
            if self.judge_options:
                raise InvalidValueError(f"There is no judge that takes the option {next(iter(self.judge_options))!r}.")
            return SignalChain(sources)
        return SignalChain(sources, load_judge(self.judge, family, self.judge_options))

    @property
    def judge_name(self) -> str:
        """The judge's name in results; empty without a judge."""
        if self.judge is None or isinstance(self.judge, str):
            return self.judge or ""
        named: Any = self.judge if hasattr(self.judge, "__qualname__") else type(self.judge)
        return f"{named.__module__}:{named.__qualname__}"

    def document(self) -> dict[str, JSON] | None:
        """Return it as plain data, without secrets; None for a run without a judge or sources of its own."""
        if self.signals is None and self.judge is None:
            return None
        options = to_json_value(self.recorded_options())
        return {"signals": self.signals, "judge": self.judge_name or None, "judge_options": options}

    @classmethod
    def from_document(cls, document: Mapping[str, Any] | None) -> Grading:
        """Read what `document` returned.

        Raises:
            LookupError: A part is missing.
        """
        if document is None:
            return cls()
        return cls(**{name: document[name] for name in ("signals", "judge", "judge_options")})

    def identifying_options(self) -> dict[str, Any]:
        """Return the options that verdicts depend on: not how the server is reached, nor where verdicts are kept."""
        return {name: value for name, value in self.judge_options.items() if name not in NOT_IDENTIFYING}

    def recorded_options(self) -> dict[str, Any]:
        """Return the options that may be saved with results: all but headers, which may hold secrets."""
        return {name: value for name, value in self.judge_options.items() if name != "extra_headers"}
