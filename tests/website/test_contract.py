"""The running API keeps to its published contract, whatever is sent to it."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from integrations.website.pages import api_document
from tests.conftest import Visitor
from tests.running import System

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="session")
def regular(system: System) -> Visitor:
    """A conversation for requests about one."""
    return Visitor(system)


schema = schemathesis.openapi.from_dict(api_document())


@schema.parametrize()
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_contract(case: schemathesis.Case, regular: Visitor) -> None:
    """Generated requests, right and wrong ones, to a real conversation: no 5xx, and only replies as described."""
    headers = dict(case.headers or {})
    if "id" in (case.path_parameters or {}) and case.method != "DELETE":
        case.path_parameters["id"] = regular.id
        headers["Authorization"] = f"Bearer {regular.token}"
    case.call_and_validate(base_url=regular.system.url, headers=headers, checks=CHECKS)
