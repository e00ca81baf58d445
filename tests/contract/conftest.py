"""A server of its own for each module, and the official client in front of it: only its host and token are changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import togai_client as togai

from tests.servers import KEY, NEW_YEAR, child

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Child


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    with child(tmp_path_factory.mktemp("client") / "data", "--test-clock", NEW_YEAR) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Child) -> Iterator[togai.ApiClient]:
    opened = togai.ApiClient(togai.Configuration(host=server.url, access_token=KEY))
    yield opened
    opened.rest_client.pool_manager.clear()
