"""The stand-in for when the register is off: it knows nobody, and costs nothing."""

from __future__ import annotations

from integrations.kvk.interfaces import Found, Profile


class NoRegister:
    """A CompanyRegister that gives nothing."""

    async def search(self, name_or_number: str) -> list[Found]:
        """Nothing."""
        return []

    async def profile(self, kvk_number: str) -> Profile | None:
        """None."""
        return None

    async def close(self) -> None:
        """Nothing is open."""
