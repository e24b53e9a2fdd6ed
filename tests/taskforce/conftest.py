"""A web process with frozen trends, and staff who are signed in to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.console.conftest import Console, SignedIn, running_console
from tests.trends.frozen import everything, freeze


@pytest.fixture(scope="session")
def shared_taskforce(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    console = running_console(tmp_path_factory.mktemp("taskforce"), HELPDESK_FTE="2")
    freeze(console.engine, everything())
    yield console
    console.close()


@pytest.fixture
def console(shared_taskforce: Console) -> Iterator[Console]:
    """A running web process with two half-years and a quarter's weeks; tests leave the snapshots as they are."""
    yield shared_taskforce
    shared_taskforce.hang_up()


@pytest.fixture
def taskforce(console: Console) -> SignedIn:
    """Somebody of the task force: they may look, and nothing else."""
    return console.signed_in("taskforce")


@pytest.fixture
def analyst(console: Console) -> SignedIn:
    """An analyst."""
    return console.signed_in("analyst")
