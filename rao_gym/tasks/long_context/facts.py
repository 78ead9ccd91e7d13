"""Records in words."""

from __future__ import annotations

from rao_gym.tasks.long_context.kinds.wordings import Wordings

DAYS_PER_PERIOD = 10
NUM_PERIODS = 12
NUM_DAYS = DAYS_PER_PERIOD * NUM_PERIODS

RECORDS = Wordings(
    {"day": r"\d+", "person": r"[A-Z][a-z]+", "thing": r"[a-z]+(?: [a-z]+)*"},
    "On day {day}, {person} bought {thing} at the market.",
    "{person} asked for {thing} on day {day}.",
    "Day {day}: {person} painted a picture of {thing}.",
    "It was on day {day} that {person} wrote about {thing}.",
)


def period_of(day: int) -> str:
    """Return the name of the ten-day period that a day belongs to, such as ``days 11 to 20``."""
    first = (day - 1) // DAYS_PER_PERIOD * DAYS_PER_PERIOD + 1
    return f"days {first} to {first + DAYS_PER_PERIOD - 1}"
