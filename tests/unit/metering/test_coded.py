"""A coded column is a list that says each thing once."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tallystick.metering.coded import CodedColumn

COUNT = 6
places = st.lists(st.integers(0, COUNT - 1), max_size=COUNT, unique=True)
texts = st.one_of(st.none(), st.sampled_from("abc"))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("one"), st.integers(0, COUNT - 1), texts),
        st.tuples(st.just("same"), places, texts),
        st.tuples(st.just("many"), places, st.lists(texts, min_size=COUNT, max_size=COUNT)),
    ),
    max_size=8,
)


@given(texts, steps)
def test_it_holds_what_a_list_would(first: str | None, taken: list[tuple[str, object, object]]) -> None:
    column = CodedColumn[str | None](COUNT, first)
    model = [first] * COUNT
    for step in taken:
        match step:
            case ("one", int(place), value):
                column[place] = model[place] = value  # type: ignore[assignment]
            case ("same", list(chosen), value):
                column.put_same(np.array(chosen, dtype=np.int64), value)  # type: ignore[arg-type]
                for place in chosen:
                    model[place] = value
            case ("many", list(chosen), list(values)):
                codes = np.arange(len(chosen), dtype=np.int32)
                column.put(np.array(chosen, dtype=np.int64), codes, values)
                for code, place in enumerate(chosen):
                    model[place] = values[code]
        assert column == model
    assert [column[place] for place in range(len(column))] == model


def test_it_is_another_when_an_entry_is() -> None:
    assert CodedColumn(2, "a") != ["a"]
    assert CodedColumn(2, "a") != ["a", "b"]
    assert CodedColumn(1, "a") == CodedColumn(1, "a")
