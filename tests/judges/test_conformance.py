"""The protocol's own conformance suite: what needs no fixture passes on the real server, all else on a test build.

A verdict counts only where what it is about exists: the suite also passes servers that answer an unknown tool well.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import httpx2
import pytest
import yaml

from tests.judges.judges import REVISIONS, Judges, Session, refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Try = Callable[[str, str], Session]

OLD, NEW = REVISIONS

INDEPENDENT: Final = {
    OLD: {
        "server-initialize",
        "ping",
        "tools-list",
        "resources-list",
        "prompts-list",
        "dns-rebinding-protection",
    },
    NEW: {
        "tools-list",
        "resources-list",
        "prompts-list",
        "dns-rebinding-protection",
        "caching",
        "http-header-validation",
        "sep-2164-resource-not-found",
        "server-sse-multiple-streams",
        "input-required-result-unsupported-methods",
    },
}
"""The scenarios that ask for nothing by name. `server-stateless` does in four of its checks, see below."""

MRTR: Final = "test_input_required_result_"
NEEDED: Final[dict[str, set[str]]] = {
    "server-stateless": {
        "test_missing_capability",
        "test_streaming_elicitation",
        "test_logging_tool",
        "test_trigger_tool_change",
        "test_trigger_prompt_change",
    },
    "completion-complete": {"test_prompt_with_arguments"},
    "tools-call-simple-text": {"test_simple_text"},
    "tools-call-image": {"test_image_content"},
    "tools-call-audio": {"test_audio_content"},
    "tools-call-embedded-resource": {"test_embedded_resource"},
    "tools-call-mixed-content": {"test_multiple_content_types"},
    "tools-call-error": {"test_error_handling"},
    "resources-read-text": {"test://static-text"},
    "resources-read-binary": {"test://static-binary"},
    "resources-templates-read": {"test://template/{id}/data"},
    "prompts-get-simple": {"test_simple_prompt"},
    "prompts-get-with-args": {"test_prompt_with_arguments"},
    "prompts-get-embedded-resource": {"test_prompt_with_embedded_resource"},
    "prompts-get-with-image": {"test_prompt_with_image"},
    "input-required-result-basic-elicitation": {f"{MRTR}elicitation"},
    "input-required-result-basic-sampling": {f"{MRTR}sampling"},
    "input-required-result-basic-list-roots": {f"{MRTR}list_roots"},
    "input-required-result-request-state": {f"{MRTR}request_state"},
    "input-required-result-multiple-input-requests": {f"{MRTR}multiple_inputs"},
    "input-required-result-multi-round": {f"{MRTR}multi_round"},
    "input-required-result-missing-input-response": {f"{MRTR}elicitation"},
    "input-required-result-non-tool-request": {f"{MRTR}prompt"},
    "input-required-result-result-type": {f"{MRTR}elicitation"},
    "input-required-result-tampered-state": {f"{MRTR}tampered_state"},
    "input-required-result-capability-check": {f"{MRTR}capabilities"},
    "input-required-result-ignore-extra-params": {f"{MRTR}elicitation"},
    "input-required-result-validate-input": {f"{MRTR}elicitation"},
}
"""The tools, prompts and resources that other scenarios ask for."""

UNTESTABLE: Final = {
    "sep-2575-server-rejects-undeclared-capability",
    "sep-2575-missing-capability-http-400",
    "sep-2575-http-server-no-independent-requests-on-stream",
    "sep-2575-server-no-log-without-loglevel",
}
"""The checks of `server-stateless` that need a fixture: the suite says of them that it could not test them."""

SUBSCRIPTIONS: Final = {
    "sep-2575-server-sends-subscription-ack",
    "sep-2575-server-tags-subscription-id",
    "sep-2575-server-honors-notification-filter",
    "sep-2575-server-sends-prompts-list-changed-on-subscription",
    "sep-2575-server-sends-tools-list-changed-on-subscription",
}
"""The checks of what nobody offers whose lists do not change."""


@pytest.fixture(scope="session")
def tried(judges: Judges, tmp_path_factory: pytest.TempPathFactory) -> Try:
    """Runs all that a revision requires against a server, once."""

    @cache
    def session(url: str, revision: str) -> Session:
        options = ("--requirements", revision, "--expected-failures", str(refused(revision)))
        return judges.conformance(url, tmp_path_factory.mktemp("results"), *options)

    return session


def baseline(revision: str) -> set[str]:
    """The scenarios that are refused on purpose."""
    lines: list[str] = yaml.safe_load(refused(revision).read_text())["server"]
    assert len(lines) == len(set(lines)), lines
    return set(lines)


def listed(url: str) -> set[str]:
    """The names of all tools, prompts and resources, and the templates, that a server lists."""
    kinds = {
        "tools/list": ("tools", "name"),
        "prompts/list": ("prompts", "name"),
        "resources/list": ("resources", "uri"),
        "resources/templates/list": ("resourceTemplates", "uriTemplate"),
    }
    headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": OLD}
    names: set[str] = set()
    for method, (kind, name) in kinds.items():
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {}}
        result = httpx2.post(url, json=asked, headers=headers).json()["result"]
        assert result.get("nextCursor") is None, method
        names |= {one[name] for one in result[kind]}
    return names


def counted(session: Session, names: set[str]) -> set[str]:
    """The scenarios that passed on a server which has these names, and has what they ask for."""
    independent = INDEPENDENT[OLD] | INDEPENDENT[NEW]
    return {one for one in session.passed if one in independent or (one in NEEDED and NEEDED[one] <= names)}


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_required_scenario_is_known(judges: Judges, revision: str) -> None:
    required = judges.required(revision)
    known = INDEPENDENT[revision] | set(NEEDED) | baseline(revision)
    assert len(required) == {OLD: 30, NEW: 37}[revision]
    assert required - known == set()
    assert baseline(revision) <= required
    assert baseline(revision) & (INDEPENDENT[revision] | set(NEEDED)) == set()


@pytest.mark.parametrize(
    ("revision", "scenario"),
    [(revision, scenario) for revision in REVISIONS for scenario in sorted(INDEPENDENT[revision])],
)
def test_the_real_server_passes_what_needs_no_fixture(tried: Try, real: str, revision: str, scenario: str) -> None:
    verdict = tried(real, revision).verdicts[scenario]
    assert verdict.passed, verdict


def test_the_real_server_is_stateless_in_all_that_can_be_tested_without_a_fixture(
    tried: Try, real: str, judged: str
) -> None:
    verdict = tried(real, NEW).verdicts["server-stateless"]
    assert verdict.faults == UNTESTABLE
    assert all(check["details"]["untestable"] for check in verdict.checks if check["id"] in UNTESTABLE)
    assert verdict.having("SKIPPED") == SUBSCRIPTIONS
    everything = tried(judged, NEW).verdicts["server-stateless"].having("SUCCESS")
    assert verdict.having("SUCCESS") == everything - UNTESTABLE - SUBSCRIPTIONS


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_test_build_passes_all_but_what_is_refused_in_writing(
    judges: Judges, tried: Try, judged: str, revision: str
) -> None:
    session = tried(judged, revision)
    assert session.status == 0, session.said
    required = judges.required(revision)
    assert counted(session, listed(judged)) & required == required - baseline(revision)


def test_the_test_build_is_stateless_in_everything(tried: Try, judged: str) -> None:
    verdict = tried(judged, NEW).verdicts["server-stateless"]
    assert verdict.having("FAILURE", "WARNING", "SKIPPED") == set()
    assert verdict.having("SUCCESS") >= UNTESTABLE | SUBSCRIPTIONS


def test_a_pass_without_its_fixture_does_not_count(tried: Try, real: str) -> None:
    session = tried(real, NEW)
    names = listed(real)
    false = session.passed - counted(session, names)
    assert "input-required-result-validate-input" in false
    assert all(not NEEDED[one] & names for one in false & set(NEEDED))


@pytest.mark.parametrize("revision", REVISIONS)
def test_nothing_that_the_real_server_is_given_credit_for_needs_a_fixture(tried: Try, real: str, revision: str) -> None:
    assert counted(tried(real, revision), listed(real)) == INDEPENDENT[revision]


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize(
    ("scenario", "line", "says"),
    [("tools-list", "tools-list", "Stale baseline entries"), ("tools-call-with-progress", None, "Unexpected failures")],
)
def test_the_suite_takes_no_baseline_that_is_not_exact(
    judges: Judges, judged: str, tmp_path: Path, revision: str, scenario: str, line: str | None, says: str
) -> None:
    written = tmp_path / "refused.yml"
    written.write_text(yaml.safe_dump({"server": [] if line is None else [line]}))
    options = ("--scenario", scenario, "--spec-version", revision, "--expected-failures", str(written))
    session = judges.conformance(judged, tmp_path / "results", *options)
    assert session.status == 1
    assert says in session.said


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_refusal_stands_below_its_reason(revision: str) -> None:
    blocks = refused(revision).read_text().partition("server:\n")[2].strip("\n").split("\n\n")
    assert all(block.startswith("  # ") for block in blocks)
