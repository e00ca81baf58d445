"""The examples of docs/pricing-as-code.md do what the page says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.doors.examples import EXAMPLE, do, page
from tests.operations.shop import Shop
from tests.servers import NEW_YEAR, child

if TYPE_CHECKING:
    import pytest

PAGE: Final = page("pricing-as-code.md")


def test_commands_print_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    examples = list(EXAMPLE.finditer(PAGE))
    assert len(examples) == PAGE.count("<!-- ")
    with child(tmp_path / "data", "--test-clock", NEW_YEAR) as server:

        def account(text: str) -> None:
            """Somebody takes the plan, and files change as the page's shell does it."""
            shop = Shop(server.api())
            shop.account()
            shop.associate(shop.api.get("/price_plans").ok()["data"][0]["id"])
            assert text.count("\n") == 1
            plan, fee = Path("pricing/price_plans/pay-as-you-go.yaml"), Path("pricing/add_ons/base-fee.yaml")
            plan.write_text(plan.read_text().replace("order: 2, rate: 0.02", "order: 2, rate: 0.018"))
            fee.write_text(fee.read_text() + "billableName: Monthly fee\n")

        do(examples, server.url, {"account": account})
