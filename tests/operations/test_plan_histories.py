"""Random histories of a plan, edited by v1 and v2 alike, against a slow model of dictionaries (domain.md 1.4, 4.9)."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.operations.shop import Shop, fee, monthly

if TYPE_CHECKING:
    from tests.servers import Inside

Json = dict[str, Any]
ITEMS: Final = ("a", "b")
CURRENCIES: Final = (("USD",), ("USD", "EUR"), ("EUR",))

Fees = st.dictionaries(st.sampled_from(ITEMS), st.integers(1, 5), max_size=2)
STEPS: Final = st.one_of(
    st.tuples(st.just("set card"), st.sampled_from(ITEMS), st.integers(1, 5), st.sampled_from(CURRENCIES)),
    st.tuples(st.just("delete card"), st.sampled_from(ITEMS)),
    st.tuples(st.just("describe"), st.sampled_from(("x", "y"))),
    st.tuples(st.just("support"), st.sampled_from(CURRENCIES)),
    st.tuples(st.just("finalize")),
    st.tuples(st.just("finalize")),
    st.tuples(st.just("discard")),
    st.tuples(st.just("v1 fees"), Fees, st.sampled_from(CURRENCIES)),
    st.tuples(st.just("v1 describe"), st.sampled_from(("x", "y"))),
    st.tuples(st.just("v1 activate"), st.sampled_from(CURRENCIES)),
)


class Model:
    """What a plan should be: its versions as dictionaries, oldest first."""

    def __init__(self) -> None:
        self.versions: list[Json] = [
            {"status": "DRAFT", "description": None, "supported": ("USD",), "active": (), "cards": {}}
        ]

    def do(self, kind: str, *about: Any) -> bool:  # noqa: ANN401 - as each step has it
        """Take a step; whether it is one that the plan takes. A step that is refused changes nothing."""
        before = copy.deepcopy(self.versions)
        done = bool(getattr(self, kind.replace(" ", "_"))(*about))
        if not done:
            self.versions = before
        return done

    def draft(self) -> Json:
        """The draft; opened as a copy where there is none."""
        last = self.versions[-1]
        if last["status"] != "DRAFT":
            self.versions.append(copy.deepcopy(last) | {"status": "DRAFT", "active": ()})
        return self.versions[-1]

    def current(self) -> Json:
        """What v1 is about."""
        active = [version for version in self.versions if version["status"] == "ACTIVE"]
        return active[-1] if active else self.versions[-1]

    def set_card(self, item: str, rate: int, currencies: tuple[str, ...]) -> bool:
        self.draft()["cards"][item] = (rate, currencies)
        return set(currencies) == set(self.draft()["supported"])

    def delete_card(self, item: str) -> bool:
        return self.draft()["cards"].pop(item, None) is not None

    def describe(self, text: str) -> bool:
        self.draft()["description"] = text
        return True

    def support(self, currencies: tuple[str, ...]) -> bool:
        self.draft()["supported"] = currencies
        return True

    def finalize(self) -> bool:
        last = self.versions[-1]
        return last["status"] == "DRAFT" and self._activated(last, last["supported"])

    def discard(self) -> bool:
        if self.versions[-1]["status"] != "DRAFT":
            return False
        self.versions.pop()
        return True

    def v1_fees(self, fees: dict[str, int], currencies: tuple[str, ...]) -> bool:
        version = self.current()
        cards = {item: (rate, currencies) for item, rate in fees.items()}
        if version["status"] == "DRAFT":
            version |= {"cards": cards, "supported": currencies}
            return True
        if self.versions[-1]["status"] == "DRAFT":
            return False
        kept = tuple(currency for currency in version["active"] if currency in currencies)
        self.versions.append(copy.deepcopy(version) | {"cards": cards, "supported": currencies, "active": ()})
        return bool(kept) and self._activated(self.versions[-1], kept)

    def v1_describe(self, text: str) -> bool:
        self.current()["description"] = text
        return True

    def v1_activate(self, currencies: tuple[str, ...]) -> bool:
        return self._activated(self.current(), currencies)

    def _activated(self, version: Json, currencies: tuple[str, ...]) -> bool:
        version["status"] = "ACTIVE"
        version["active"] += tuple(currency for currency in currencies if currency not in version["active"])
        priced = all(set(card[1]) == set(version["supported"]) for card in version["cards"].values())
        return bool(version["cards"]) and priced and set(currencies) <= set(version["supported"])


class Real:
    """The plan itself."""

    def __init__(self, shop: Shop) -> None:
        self.api = shop.api
        self.ids = {item: shop.addon(item) for item in ITEMS}
        body = {"name": "P", "type": "BILLING", "supportedCurrencies": ["USD"], "pricingCycleConfig": monthly()}
        self.id = self.api.post("/v2/price_plans", body).ok()["id"]
        self.v1, self.v2 = f"/price_plans/{self.id}", f"/v2/price_plans/{self.id}"

    def do(self, kind: str, *about: Any) -> bool:  # noqa: ANN401 - as each step has it
        """Take a step; whether it was taken."""
        answer = getattr(self, kind.replace(" ", "_"))(*about)
        if answer.status != 200:
            answer.refused(400)
        return bool(answer.status == 200)

    def card(self, item: str, rate: int, currencies: tuple[str, ...]) -> Json:
        return fee(self.ids[item], rate) | {"rateValues": [{"currency": one, "rate": rate} for one in currencies]}

    def set_card(self, item: str, rate: int, currencies: tuple[str, ...]) -> Any:  # noqa: ANN401
        known = {card["billableId"]: card["name"] for card in self.api.get(f"{self.v2}/rate_cards").ok()["data"]}
        details = {"fixedFeeRateCard": self.card(item, rate, currencies)}
        common = {"billableId": self.ids[item], "type": "FIXED_FEE", "invoiceTiming": "IN_ARREARS"}
        operation = {
            "actionType": "UPDATE" if self.ids[item] in known else "CREATE",
            "rateCardName": known.get(self.ids[item], item),
            "rateCard": common | {"rateCardDetails": details},
        }
        return self.api.post(f"{self.v2}/rate_cards", {"operations": [operation]})

    def delete_card(self, item: str) -> Any:  # noqa: ANN401
        known = {card["billableId"]: card["name"] for card in self.api.get(f"{self.v2}/rate_cards").ok()["data"]}
        operation = {"actionType": "DELETE", "rateCardName": known.get(self.ids[item], item)}
        return self.api.post(f"{self.v2}/rate_cards", {"operations": [operation]})

    def describe(self, text: str) -> Any:  # noqa: ANN401
        return self.api.patch(self.v2, {"description": text})

    def support(self, currencies: tuple[str, ...]) -> Any:  # noqa: ANN401
        return self.api.patch(self.v2, {"supportedCurrencies": currencies})

    def finalize(self) -> Any:  # noqa: ANN401
        return self.api.post(f"{self.v2}/finalize")

    def discard(self) -> Any:  # noqa: ANN401
        return self.api.delete(f"{self.v2}/discard")

    def v1_fees(self, fees: dict[str, int], currencies: tuple[str, ...]) -> Any:  # noqa: ANN401
        cards = [self.card(item, rate, currencies) for item, rate in fees.items()]
        return self.api.patch(
            self.v1, {"pricePlanDetails": {"fixedFeeRateCards": cards, "supportedCurrencies": currencies}}
        )

    def v1_describe(self, text: str) -> Any:  # noqa: ANN401
        return self.api.patch(self.v1, {"description": text})

    def v1_activate(self, currencies: tuple[str, ...]) -> Any:  # noqa: ANN401
        return self.api.post(f"{self.v1}/activate", {"currencies": currencies})

    def versions(self) -> list[Json]:
        """Its versions as the model has them, each read by v1 and by v2."""
        items = {name: item for item, name in self.ids.items()}
        found = []
        for shown in reversed(self.api.get(f"{self.v2}/versions").ok()["data"]):
            by_v1 = self.api.get(self.v1, version=shown["version"]).ok()
            (version,) = by_v1["pricingSchedule"]
            assert (version["version"], version["id"]) == (len(found) + 1, shown["referenceId"])
            assert (by_v1["status"], by_v1.get("description")) == (shown["status"], shown.get("description"))
            details = version["pricePlanDetails"]
            assert details["supportedCurrencies"] == shown["supportedCurrencies"]
            cards = {
                items[card["id"]]: (
                    card["rateValues"][0]["rate"],
                    tuple(value["currency"] for value in card["rateValues"]),
                )
                for card in details.get("fixedFeeRateCards", ())
            }
            found.append(
                {
                    "status": shown["status"],
                    "description": shown.get("description"),
                    "supported": tuple(details["supportedCurrencies"]),
                    "active": tuple(details["activeCurrencies"]),
                    "cards": cards,
                }
            )
        return found


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=14))
def test_a_plan_is_what_its_history_made_of_it(standing: Inside, steps: list[tuple[Any, ...]]) -> None:
    real, model = Real(Shop(standing.new_organisation())), Model()
    agreed: dict[int, Json] = {}
    for step in steps:
        assert real.do(*step) == model.do(*step), step
        if not model.versions:
            assert "not found" in real.api.get(real.v2).refused(404)
            return
        versions = real.versions()
        assert versions == model.versions, step
        for number, version in enumerate(versions):
            if version["status"] == "ACTIVE":
                cards = agreed.setdefault(number, version["cards"])
                assert version["cards"] == cards, "what was finalised stays"
        errors = real.api.get(f"{real.v2}/errors").ok()["data"]
        if versions[-1]["status"] == "DRAFT":
            assert (errors == []) == copy.deepcopy(model).finalize()


def test_a_model_that_forgets_something_is_found(standing: Inside) -> None:
    real, model = Real(Shop(standing.new_organisation())), Model()
    step = ("set card", "a", 3, ("USD",))
    assert real.do(*step)
    with pytest.raises(AssertionError):
        assert real.versions() == model.versions
