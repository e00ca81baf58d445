"""Settings on the organisation, its customers and accounts (domain.md 8.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.operations.shop import Json, Shop

RATE = {
    "id": "meters_per_km",
    "value": "1000",
    "entityType": "ACCOUNT",
    "entityId": "acme",
    "namespace": "USER",
    "name": "Meters per kilometre",
    "dataType": "NUMERIC",
}
PATH = "/settings/setting.USER.meters_per_km.ACCOUNT.acme"


@pytest.fixture
def offer(still: Shop) -> Shop:
    still.account()
    return still


def test_a_setting_is_set_read_changed_and_deleted(offer: Shop) -> None:
    assert offer.api.post("/settings", RATE).status == 201
    assert offer.api.get(PATH).ok() == RATE
    changed = offer.api.patch(PATH, {"value": "999", "name": "Short kilometres"})
    assert (changed.status, changed.body) == (201, RATE | {"value": "999", "name": "Short kilometres"})
    assert offer.api.get(PATH).ok() == changed.body
    assert offer.api.delete(PATH).ok() == {"success": True}
    offer.api.get(PATH).refused(404)


def test_setting_it_again_replaces_it(offer: Shop) -> None:
    offer.api.post("/settings", RATE).ok()
    again = offer.api.post("/settings", RATE | {"value": "km", "dataType": "STRING"})
    assert (again.status, again.body["value"]) == (201, "km")
    assert len(offer.api.get("/settings").ok()["data"]) == 1


def test_the_same_name_may_stand_on_every_level(offer: Shop) -> None:
    paths = [
        offer.setting("rate", "1"),
        offer.setting("rate", "2", "CUSTOMER", "acme"),
        offer.setting("rate", "3", "ACCOUNT", "acme"),
    ]
    assert [offer.api.get(f"/settings/{path}").ok()["value"] for path in paths] == ["1", "2", "3"]


def test_a_namespace_is_the_same_in_capitals_or_not(offer: Shop) -> None:
    assert offer.api.post("/settings", RATE | {"namespace": "user"}).ok() == RATE
    assert offer.api.get(PATH.replace("USER", "user")).ok() == RATE


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, 3),
        ({"entity_type": "ACCOUNT"}, 1),
        ({"entity_type": "CUSTOMER", "entity_id": "acme"}, 2),
        ({"setting_id": "other"}, 1),
        ({"namespace": "user"}, 2),
        ({"namespace": "MINE", "setting_id": "rate"}, 0),
    ],
    ids=str,
)
def test_the_list_is_filtered(offer: Shop, query: dict[str, str], found: int) -> None:
    offer.setting("rate", "2", "CUSTOMER", "acme")
    offer.setting("rate", "3", "ACCOUNT", "acme")
    offer.api.post("/settings", RATE | {"id": "other", "namespace": "mine", "entityType": "CUSTOMER"}).ok()
    assert len(offer.api.get("/settings", **query).ok()["data"]) == found


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"entityId": "nobody"}, "entityId: account 'nobody' not found"),
        ({"entityType": "CUSTOMER", "entityId": "nobody"}, "entityId: customer 'nobody' not found"),
        ({"entityType": "ORGANIZATION"}, "entityId: organization 'acme' not found"),
        ({"entityType": "PLANET"}, "entityType: Invalid enum value 'PLANET'"),
        ({"namespace": "Togai"}, "namespace: the namespace togai is reserved: use USER"),
        ({"id": "a.b"}, "id: "),
        ({"value": "1,5"}, "value: is '1,5', expected a number such as -12.5"),
        ({"value": "1e3"}, "value: is '1e3', expected a number"),
        ({"value": '{"a":', "dataType": "JSON"}, "value: not valid JSON"),
        ({"value": '{"+":[1,}', "dataType": "JSON_LOGIC"}, "value: not valid JSON (line 1, column 9)"),
        ({"value": '{"a":1,"b":2}', "dataType": "JSON_LOGIC"}, "an object holds exactly one operator"),
        ({"value": "x", "entityId": "nobody"}, "expected a number such as -12.5; entityId: account 'nobody' not found"),
    ],
)
def test_what_cannot_be_meant_is_refused(offer: Shop, wrong: Json, message: str) -> None:
    assert message in offer.api.post("/settings", RATE | wrong).refused()
    assert offer.api.get("/settings").ok()["data"] == []


@pytest.mark.parametrize(
    ("value", "kind"),
    [("", "STRING"), ("-12.50", "NUMERIC"), ('{"eu": [1, 2.5]}', "JSON"), ('{"*":[2,3]}', "JSON_LOGIC")],
)
def test_every_data_type_takes_its_values(offer: Shop, value: str, kind: str) -> None:
    body = RATE | {"value": value, "dataType": kind}
    assert offer.api.post("/settings", body).ok() == body


def test_a_change_is_checked_against_the_type_that_it_will_have(offer: Shop) -> None:
    offer.api.post("/settings", RATE).ok()
    assert "value: is 'far'" in offer.api.patch(PATH, {"value": "far"}).refused()
    assert offer.api.patch(PATH, {"value": "far", "dataType": "STRING"}).ok()["value"] == "far"
    assert "value: is 'far'" in offer.api.patch(PATH, {"dataType": "NUMERIC"}).refused()


def test_one_that_is_not_there_is_not_found(offer: Shop) -> None:
    for call in (offer.api.get, offer.api.delete):
        assert "setting 'nothing' not found" in call("/settings/nothing").refused(404)
    offer.api.patch(PATH, {"value": "1"}).refused(404)
