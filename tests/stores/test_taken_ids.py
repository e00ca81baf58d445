"""Ids by organisation: from columns, and from several places."""

from __future__ import annotations

import pyarrow as pa

from tallystick.stores.taken_ids import by_organisation, together


def test_columns_come_apart_by_organisation() -> None:
    organisations, ids = pa.array(["b", "a", "b"]), pa.array(["1", "2", "3"])
    assert by_organisation(organisations, ids) == {"b": ["1", "3"], "a": ["2"]}
    assert by_organisation(organisations.slice(2), ids.slice(2)) == {"b": ["3"]}
    assert by_organisation(organisations.slice(3), ids.slice(3)) == {}


def test_several_come_together_and_stay_as_they_are() -> None:
    first, second = {"a": ["1"]}, {"a": ["2"], "b": ["3"]}
    assert together([first, {}, second]) == {"a": ["1", "2"], "b": ["3"]}
    assert (first, second) == ({"a": ["1"]}, {"a": ["2"], "b": ["3"]})
