"""Whose address counts: what a visitor writes into a header must not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from multidict import CIMultiDict
from pydantic import ValidationError

from bot.settings import Settings
from integrations.website.limits import Addresses


def request(address: str, *forwarded: str) -> SimpleNamespace:
    headers = CIMultiDict([("X-Forwarded-For", line) for line in forwarded])
    return SimpleNamespace(ip=address, headers=headers)


@pytest.mark.parametrize(
    ("address", "forwarded", "counted"),
    [
        ("203.0.113.9", ["1.2.3.4"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["1.2.3.4, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["1.2.3.4", "203.0.113.9"], "203.0.113.9"),
        ("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("::ffff:203.0.113.9", [], "203.0.113.9"),
        ("2001:db8:1:2:3::4", [], "2001:db8:1:2::"),
    ],
)
def test_whose_address_counts(address: str, forwarded: list[str], counted: str) -> None:
    assert Addresses(["10.0.0.0/8"]).of(request(address, *forwarded)) == counted


@pytest.mark.parametrize(
    ("setting", "value"),
    [("trusted_proxies", "proxy.internal"), ("allowed_origins", "www.example.nl"), ("activation_code_pattern", "(")],
)
def test_a_wrong_setting_is_named(setting: str, value: str) -> None:
    with pytest.raises(ValidationError, match=setting):
        Settings(**{setting: value})


def test_an_origin_may_end_in_a_slash() -> None:
    assert Settings(allowed_origins="https://www.example.nl/").allowed_origins == ("https://www.example.nl",)
