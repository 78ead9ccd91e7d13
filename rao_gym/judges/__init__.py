"""Success signals for goals without ground truth: judges, their rubrics, and chains of sources."""

from rao_gym.judges.chain import PendingSignals, SignalChain, check_judge, parse_signals
from rao_gym.judges.loading import Grading, load_judge
from rao_gym.judges.model import JudgeOptions, ModelJudge
from rao_gym.judges.rubric import Rubric, read_rubric, rubric_of

__all__ = [
    "Grading",
    "JudgeOptions",
    "ModelJudge",
    "PendingSignals",
    "Rubric",
    "SignalChain",
    "check_judge",
    "load_judge",
    "parse_signals",
    "read_rubric",
    "rubric_of",
]
