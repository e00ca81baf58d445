"""A folder of files: one for each thing, the same names everywhere, and nothing touched that says what it should."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pytest

from tallystick.kernel.errors import BillingError, Problem
from tallystick.pricebook.folder import FOLDERS, Folder, existing

if TYPE_CHECKING:
    from pathlib import Path

EMPTY: Final[dict[str, list[dict[str, Any]]]] = {listed: [] for listed in FOLDERS.values()}


def fee(name: str, **more: object) -> dict[str, Any]:
    return {"name": name, "type": "FIXED_FEE"} | more


def add_ons(*things: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return EMPTY | {"addOns": list(things)}


def refused(root: Path) -> list[str]:
    with pytest.raises(BillingError) as failure:
        existing(root)
    return [str(problem) for problem in failure.value.problems]


def test_files_are_called_after_their_things_the_same_wherever_they_are_written(tmp_path: Path) -> None:
    names = ["Base fee", "base_fee", "Rabatt: 100 %", "料金", "Größe", "..", "con/../x", "A" * 90]
    for root in (tmp_path / "a", tmp_path / "b"):
        Folder(root).write(add_ons(*map(fee, names)), prune=False)
    found = sorted(path.relative_to(tmp_path / "a").as_posix() for path in (tmp_path / "a").rglob("*.yaml"))
    assert found == [
        # printf NAME | sha256sum | cut -c1-8, where plain letters do not tell the name alone
        "add_ons/3a19040b.yaml",
        "add_ons/5ec1f7e7.yaml",
        f"add_ons/{'a' * 60}.yaml",
        "add_ons/base-fee-6efacc6c.yaml",
        "add_ons/base-fee-f8f08f7c.yaml",
        "add_ons/con-x.yaml",
        "add_ons/gr-e-aedc3f80.yaml",
        "add_ons/rabatt-100.yaml",
    ]
    assert found == sorted(path.relative_to(tmp_path / "b").as_posix() for path in (tmp_path / "b").rglob("*.yaml"))
    assert [thing["name"] for thing in Folder(tmp_path / "a").things["addOns"]]


def test_a_file_that_says_what_it_should_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "add_ons" / "ours" / "fee.yml"
    file.parent.mkdir(parents=True)
    file.write_text("# Agreed with sales\ntype:   FIXED_FEE\nname: 'Base fee'\n")
    assert Folder(tmp_path).write(add_ons(fee("Base fee")), prune=False).files == []
    assert file.read_text().startswith("# Agreed with sales")
    done = Folder(tmp_path).write(add_ons(fee("Base fee", billableName="Fee")), prune=False)
    assert done.files == ["add_ons/ours/fee.yml"]
    assert file.read_text() == "name: Base fee\ntype: FIXED_FEE\nbillableName: Fee\n"


def test_files_of_other_things_stay_until_they_are_to_go(tmp_path: Path) -> None:
    Folder(tmp_path).write(add_ons(fee("One"), fee("Two")), prune=False)
    assert Folder(tmp_path).write(add_ons(fee("Two")), prune=False).stale == ["add_ons/one.yaml"]
    assert (tmp_path / "add_ons" / "one.yaml").exists()
    assert Folder(tmp_path).write(add_ons(fee("Two")), prune=True).stale == ["add_ons/one.yaml"]
    assert [path.name for path in tmp_path.rglob("*.yaml")] == ["two.yaml"]


def test_other_files_are_nobodys_business(tmp_path: Path) -> None:
    Folder(tmp_path).write(add_ons(fee("One")), prune=False)
    for name in ("docker-compose.yaml", "README.md", "add_ons/README.md", ".github/ci.yaml", "add_ons/.hidden.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("services: [yes, &a 0x1]")
    assert [thing["name"] for thing in existing(tmp_path).things["addOns"]] == ["One"]


def test_what_cannot_be_read_is_told_of_every_file(tmp_path: Path) -> None:
    Folder(tmp_path).write(add_ons(fee("One")), prune=False)
    for name, text in {
        "add_ons/b.yaml": "\nname: One\ntype: X",
        "add_ons/c.yaml": "- 1",
        "features/d.yaml": "name: yes\n",
        "price_plan/e.yaml": "name: x",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    listed = ", ".join(FOLDERS)
    assert [one.partition(", write a")[0] for one in refused(tmp_path)] == [
        f"price_plan: is none of {listed}: did you mean 'price_plans'?",
        "add_ons/c.yaml:1: is no object: begin with the name of a field, such as 'name:'",
        "features/d.yaml:1: 'yes' is read differently by different programs: put a text in quotes",
        "add_ons/one.yaml:1: 'One' stands in add_ons/b.yaml already",
    ]


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_a_folder_without_files_is_not_compared(tmp_path: Path, name: str) -> None:
    (said,) = refused(tmp_path / name)
    assert "holds no YAML file in event_schemas, usage_meters" in said


def test_a_problem_is_told_of_its_line(tmp_path: Path) -> None:
    (tmp_path / "price_plans").mkdir()
    (tmp_path / "price_plans" / "x.yaml").write_text(
        "name: X\npricePlanDetails:\n  usageRateCards:\n  - tag: a\n    a: 1\n"
    )
    folder = existing(tmp_path)
    card = "pricePlanDetails.usageRateCards[0]"

    def told(path: str, reason: str = "is wrong") -> str:
        return str(folder.place(Problem(path, reason)))

    assert told(f"pricePlans[0].{card}.a") == f"price_plans/x.yaml:5: {card}.a: is wrong"
    assert told(f"pricePlans[0].{card}.rateValues") == f"price_plans/x.yaml:4: {card}.rateValues: is wrong"
    assert told("pricePlans[0]") == "price_plans/x.yaml:1: is wrong"
    assert told("digest") == "digest: is wrong"
    quoted = told(f"pricePlans[0].{card}.a", "Expected `str | null`, got `int`")
    assert quoted.endswith("got `int`: put it in quotes")


def test_numbers_are_compared_as_numbers(tmp_path: Path) -> None:
    (tmp_path / "add_ons").mkdir()
    (tmp_path / "add_ons" / "x.yaml").write_text("name: X\nrate: 0.50\ncomputation: {'*': [1e3, 0.5]}\n")
    folder = existing(tmp_path)
    same = {"name": "X", "rate": Decimal("0.5"), "computation": {"*": [1000, Decimal("0.5")]}}
    assert folder.write(add_ons(same), prune=False).files == []
    assert folder.write(add_ons(same | {"rate": Decimal("0.51")}), prune=False).files == ["add_ons/x.yaml"]
