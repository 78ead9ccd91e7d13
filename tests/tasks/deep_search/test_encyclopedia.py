"""That the pages tell exactly the facts, and that a search finds them."""

from __future__ import annotations

import pickle
from collections import Counter
from contextlib import suppress
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rao_gym.tasks.deep_search.encyclopedia import Encyclopedia
from rao_gym.tasks.deep_search.relations import INTRODUCTIONS, RELATIONS, RELATIONS_OF, Sort, read_fact
from rao_gym.tasks.long_context.prose import article
from rao_gym.tasks.retrieval import MAX_QUERY_CHARS, TextIndex
from rao_gym.tools import ToolError

SMALL = Encyclopedia("small", 60)
LARGE = Encyclopedia("large", 1_000)


def test_the_text_is_fixed_for_ever() -> None:
    text = "\n\n".join(SMALL.content)
    assert sha256(text.encode()).hexdigest()[:16] == "1452ea417655bee4"


def test_every_page_states_each_fact_of_its_entity_once_and_no_other() -> None:
    for entity, page in zip(SMALL.entities, SMALL.pages, strict=True):
        stated = [fact for sentence in page.sentences if (fact := read_fact(sentence))]
        assert sorted(relation for _, relation, _ in stated) == sorted(each.name for each in RELATIONS_OF[entity.sort])
        for subject, relation, value in stated:
            assert subject == entity.name
            true = SMALL.facts[entity.number, relation]
            if RELATIONS[relation].target is None:
                assert int(value) == true
            else:
                assert SMALL.called(value) == (SMALL.entities[true],)


def test_first_sentences_say_what_a_page_is_about() -> None:
    for entity, page in zip(SMALL.entities, SMALL.pages, strict=True):
        found = INTRODUCTIONS.read(page.sentences[0])
        assert found == {"name": entity.name, "alias": entity.alias, "kind": entity.kind, "county": entity.county}


def test_no_sentence_of_the_prose_states_a_fact() -> None:
    lines = [line for number in range(0, 4_096, 16) for line in article(number).lines]
    assert not [line for line in lines if read_fact(line) or INTRODUCTIONS.read(line)]


@pytest.mark.parametrize("encyclopedia", [SMALL, LARGE])
def test_namesakes_are_told_apart(encyclopedia: Encyclopedia) -> None:
    entities = encyclopedia.entities
    for names in ([each.title for each in entities], [each.mention for each in entities], [e.alias for e in entities]):
        assert len(set(names)) == len(entities)
    assert sum(count > 1 for count in Counter(each.name for each in entities).values()) > len(entities) / 20
    assert all(encyclopedia.called(each.title.upper()) == (each,) for each in entities)


def test_relations_of_a_sort_to_itself_have_no_short_circles() -> None:
    for relation in RELATIONS.values():
        if relation.source is relation.target:
            values = {each: fact for (each, name), fact in SMALL.facts.items() if name == relation.name}
            assert all(values[fact] != each != fact for each, fact in values.items())


@pytest.mark.parametrize("encyclopedia", [SMALL, LARGE])
def test_a_search_for_what_a_page_calls_an_entity_lists_its_page(encyclopedia: Encyclopedia) -> None:
    for entity in encyclopedia.entities:
        for query in (f"{entity.kind} {entity.name}", entity.alias):
            assert entity.number in encyclopedia.index.search(query, 5)


def test_pickles_hold_the_key_alone() -> None:
    assert SMALL.pages
    copy = pickle.loads(pickle.dumps(SMALL))
    assert copy == SMALL
    assert len(pickle.dumps(SMALL)) < 300
    assert copy.content == SMALL.content


def test_every_sort_has_relations_to_entities_and_years() -> None:
    for sort in Sort:
        targets = {relation.target for relation in RELATIONS_OF[sort]}
        assert None in targets
        assert len(targets) >= 3


def test_the_best_text_comes_first_and_ties_keep_their_order() -> None:
    index = TextIndex(["red ships", "a blue ship and another blue boat", "blue sky", "blue sky"])
    assert index.search("blue boat", 9) == [1, 2, 3]
    assert index.search("blue", 2) == [2, 3]
    assert index.search("zeppelin", 9) == []


@given(st.text())
@settings(deadline=None)
def test_any_text_may_be_searched_for(query: str) -> None:
    with suppress(ToolError):
        assert len(SMALL.index.search(query, 5)) <= 5


@pytest.mark.parametrize("query", ["", "  \n", "the of and", "?!", "\ud800", "x" * (MAX_QUERY_CHARS + 1)])
def test_queries_without_words_or_end_are_refused(query: str) -> None:
    with pytest.raises(ToolError, match=r"no words to search for|characters, at most 1,000"):
        SMALL.index.search(query, 5)
