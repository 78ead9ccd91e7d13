"""Draw the question of a task: threads that share no fact and come back to no page."""

from __future__ import annotations

from rao_gym.errors import InvalidValueError
from rao_gym.tasks.deep_search.encyclopedia import Encyclopedia
from rao_gym.tasks.deep_search.entities import Entity
from rao_gym.tasks.deep_search.questions import Question, Thread
from rao_gym.tasks.deep_search.relations import RELATIONS_OF
from rao_gym.tasks.deep_search.schedule import Schedule
from rao_gym.tasks.long_context.prose.dice import Dice

_MAX_ATTEMPTS = 200
_YEAR_OF = 3  # one thread in so many ends with a year, where it may
_ALIAS_OF = 2


def draw_question(encyclopedia: Encyclopedia, schedule: Schedule) -> Question:
    """Return the question that belongs to an encyclopedia.

    Raises:
        InvalidValueError: The encyclopedia is too small for it.
    """
    dice = Dice(f"{encyclopedia.key} question")
    for _ in range(_MAX_ATTEMPTS):
        question = _attempt(encyclopedia, schedule, dice)
        if question is not None:
            return question
    raise InvalidValueError(
        f"num_pages={schedule.num_pages} is too few for {schedule.num_questions} questions of {schedule.num_hops} "
        "hops; set more pages."
    )


def _attempt(encyclopedia: Encyclopedia, schedule: Schedule, dice: Dice) -> Question | None:
    """Draw a question; None if a thread runs into a page that another one has used."""
    later = range(1, schedule.num_questions)
    linked = set(dice.shuffled(later)[: schedule.num_links])
    unused = set(range(schedule.num_pages))
    threads: list[Thread] = []
    end = -1
    for place in range(schedule.num_questions):
        begins = end if place in linked else dice.choice(sorted(unused))
        unused.discard(begins)
        walked = _walk(encyclopedia, begins, schedule.num_hops, unused, dice, to_entity=place + 1 in linked)
        if walked is None:
            return None
        relations, end = walked
        threads.append(Thread("" if place in linked else _called(encyclopedia.entities[begins], dice), relations))
    return Question(tuple(threads))


def _walk(
    encyclopedia: Encyclopedia, place: int, num_hops: int, unused: set[int], dice: Dice, *, to_entity: bool
) -> tuple[tuple[str, ...], int] | None:
    """Follow random relations to pages that are not used yet, and use these.

    Args:
        encyclopedia: The encyclopedia.
        place: Number of the entity to begin with.
        num_hops: Number of relations.
        unused: Numbers of the entities that may be visited.
        dice: Source of randomness.
        to_entity: Whether the last one must not be a year.

    Returns:
        The relations and the number of the last entity, which is meaningless after a year; None at a dead end.
    """
    relations: list[str] = []
    for hop in range(num_hops):
        to_year = hop == num_hops - 1 and not to_entity and dice.below(_YEAR_OF) == 0
        here = RELATIONS_OF[encyclopedia.entities[place].sort]
        if to_year:
            fitting = [relation.name for relation in here if relation.target is None]
        else:
            to_pages = [relation.name for relation in here if relation.target is not None]
            fitting = [name for name in to_pages if encyclopedia.facts[place, name] in unused]
        if not fitting:
            return None
        relations.append(dice.choice(fitting))
        if not to_year:
            place = encyclopedia.facts[place, relations[-1]]
            unused.discard(place)
    return tuple(relations), place


def _called(entity: Entity, dice: Dice) -> str:
    """Return what a question calls the entity that it begins with."""
    return entity.alias if dice.below(_ALIAS_OF) == 0 else entity.mention
