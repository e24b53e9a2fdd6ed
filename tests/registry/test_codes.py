"""Codes are compared by HMAC, with a key that an installation makes for itself, once."""

from __future__ import annotations

import multiprocessing
import stat
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.registry.codes import KEY_BYTES, BadServerKey, code_hmac, normal_code, server_key
from bot.settings import Settings


@pytest.mark.parametrize(
    "typed", ["ABCD-12EF", "abcd12ef", " abcd 12ef ", "ABCD\u201112EF", "ＡＢＣＤ－12EF", "ab-cd\u00a012\tef"]
)
def test_what_people_type_differently_is_one_code(typed: str) -> None:
    assert normal_code(typed) == "ABCD12EF"
    assert code_hmac(typed, b"key") == code_hmac("ABCD12EF", b"key")


def test_the_hmac_depends_on_the_code_and_the_key() -> None:
    assert (
        len({code_hmac("A1", b"key"), code_hmac("A2", b"key"), code_hmac("A1", b"other"), code_hmac("", b"key")}) == 4
    )
    assert code_hmac("Jefe", b"Jefe") == code_hmac("JEFE", b"Jefe") and len(code_hmac("x", b"y")) == 64


def settings(folder: Path, **values: str) -> Settings:
    return Settings(server_key_file=folder / "new" / "server.key", _env_file=None, **values)


def _key(folder: Path) -> bytes:
    return server_key(settings(folder))


def test_many_processes_make_one_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        keys = set(pool.map(_key, [tmp_path] * 16, chunksize=1))
    assert len(keys) == 1 and len(keys.pop()) == KEY_BYTES
    file = tmp_path / "new" / "server.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [found.name for found in file.parent.iterdir()] == ["server.key"]


def test_the_setting_comes_first(tmp_path: Path) -> None:
    assert server_key(settings(tmp_path, server_key="k" * 32)) == b"k" * 32
    assert not (tmp_path / "new").exists()
    with pytest.raises(ValidationError, match="at least 32 signs"):
        settings(tmp_path, server_key="short")
    assert "kkk" not in repr(settings(tmp_path, server_key="k" * 32))


def test_a_damaged_key_is_not_replaced(tmp_path: Path) -> None:
    _key(tmp_path)
    file = tmp_path / "new" / "server.key"
    file.write_bytes(b"half")
    with pytest.raises(BadServerKey):
        _key(tmp_path)
    assert file.read_bytes() == b"half"
    file.unlink()
    file.mkdir()
    with pytest.raises(BadServerKey):
        _key(tmp_path)
