"""The commands that need no server: organisations and keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tallystick import __version__
from tallystick.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on a directory of its own."""
    for name in ("TALLYSTICK_DATABASE_URL", "TOGAI_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TALLYSTICK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(main, arguments)


def secret_of(result: Result) -> str:
    assert result.exit_code == 0, result.output
    (secret,) = re.findall(r"API key, shown only now: (tsk_\S+)", result.output)
    return secret


def key_ids(run: Run) -> list[str]:
    return re.findall(r"key\.\w{11}\.\w{5}", run("keys", "list").output)


def test_init_makes_an_organisation_and_shows_its_first_key(run: Run, tmp_path: Path) -> None:
    made = run("init", "--name", "Acme", "--currency", "EUR", "--timezone", "Europe/Rome")
    secret = secret_of(made)
    assert re.search(r"Organisation org\.\S+ \(Acme\), EUR, Europe/Rome", made.output)
    for path in (tmp_path / "data").iterdir():
        assert secret.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--currency", "XXXX"), "baseCurrency: 'XXXX'"),
        (("--currency", "usd"), "baseCurrency: 'usd'"),
        (("--timezone", "Mars/Olympus"), "timeZone: 'Mars/Olympus'"),
        (("--timezone", "../../etc/passwd"), "timeZone: "),
        (("--currency", "", "--timezone", ""), "baseCurrency: "),
    ],
)
def test_init_refuses_what_is_no_currency_or_zone(run: Run, options: tuple[str, ...], message: str) -> None:
    refused = run("init", *options)
    assert refused.exit_code == 1
    assert message in refused.output
    assert "no organisation yet" in run("keys", "list").output


def test_keys_need_an_organisation(run: Run) -> None:
    for command in (("list",), ("create",), ("revoke", "key.x")):
        refused = run("keys", *command)
        assert (refused.exit_code, refused.output) == (1, "Error: no organisation yet: run 'tallystick init'\n")


def test_a_key_is_listed_without_its_secret(run: Run) -> None:
    run("init")
    secret = secret_of(run("keys", "create", "--name", "laptop"))
    listed = run("keys", "list").output
    assert "laptop" in listed
    assert secret[-4:] in listed
    assert secret not in listed


def test_every_key_is_another(run: Run) -> None:
    secrets = [secret_of(run("init")), *(secret_of(run("keys", "create")) for _ in range(3))]
    assert len(set(secrets)) == 4
    assert all(len(secret) > 40 for secret in secrets)
    assert len(set(key_ids(run))) == 4


def test_a_key_is_revoked_once_and_stays_in_the_list(run: Run) -> None:
    run("init")
    (key_id,) = key_ids(run)
    assert run("keys", "revoke", key_id).output == f"Key {key_id} is revoked.\n"
    assert run("keys", "revoke", key_id).exit_code == 1
    assert "not found" in run("keys", "revoke", "key.nobody").output
    assert key_ids(run) == [key_id]


def test_with_several_organisations_one_must_be_named(run: Run) -> None:
    run("init", "--name", "Acme")
    run("init", "--name", "Beta")
    refused = run("keys", "create")
    assert refused.exit_code == 1
    assert "--organisation: name one of: org." in refused.output
    assert secret_of(run("keys", "create", "--organisation", "Beta"))
    assert run("keys", "create", "--organisation", "Gamma").exit_code == 1


def test_another_organisations_key_cannot_be_revoked(run: Run) -> None:
    run("init", "--name", "Acme")
    (key_id,) = key_ids(run)
    run("init", "--name", "Beta")
    assert run("keys", "revoke", key_id, "--organisation", "Beta").exit_code == 1
    assert run("keys", "revoke", key_id, "--organisation", "Acme").exit_code == 0


def test_it_says_its_version_and_its_help(run: Run) -> None:
    assert run("--version").output == f"tallystick, version {__version__}\n"
    assert "serve" in run("-h").output
    assert "--test-clock" in run("serve", "-h").output
    assert "hidden" not in run("serve", "-h").output


def test_a_key_is_made_for_what_it_is_for(run: Run) -> None:
    secret_of(run("init"))
    made = run("keys", "create", "--name", "agent", "--scope", "read", "--scope", "money", "--credit-limit", "25.50")
    assert "(agent): read money" in made.output
    assert "read money" in next(line for line in run("keys", "list").output.splitlines() if "agent" in line)
    assert run("keys", "create", "--scope", "everything").exit_code == 2
    for amount in ("-1", "plenty", "NaN", "1e999"):
        assert "is no" in run("keys", "create", "--credit-limit", amount).output
