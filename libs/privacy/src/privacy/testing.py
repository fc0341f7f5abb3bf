"""The conformance suite of keyrings: every adapter runs it.

A test module makes a subclass and two fixtures, `keyring` (the adapter under test) and `owner`
(the ring behind it that can destroy keys; the same object where the adapter is the owner).
"""

import asyncio
from uuid import UUID

import pytest

from privacy.errors import SubjectErased
from privacy.keyring import DATA_KEY_BYTES, Keyring, KeyringOwner
from vocabulary.ids import TenantId

NORTH, SOUTH = TenantId("north"), TenantId("south")
ANNA = UUID("01936f00-0000-7000-8000-00000000000a")
BORIS = UUID("01936f00-0000-7000-8000-00000000000b")


class KeyringConformance:
    """What every keyring keeps."""

    async def test_a_key_is_made_on_first_use_and_stays(self, keyring: Keyring) -> None:
        """Asking again gives the same 64 bytes."""
        key = await keyring.data_key(NORTH, ANNA)
        assert len(key) == DATA_KEY_BYTES
        assert await keyring.data_key(NORTH, ANNA) == key

    async def test_people_and_tenants_share_no_key(self, keyring: Keyring) -> None:
        """Another subject has another key, and so has the same id with another tenant."""
        rows = [(NORTH, ANNA), (NORTH, BORIS), (SOUTH, ANNA)]
        assert len({await keyring.data_key(tenant, subject) for tenant, subject in rows}) == 3

    async def test_first_uses_at_once_agree_on_one_key(self, keyring: Keyring) -> None:
        """No caller keeps a key that lost the race."""
        keys = await asyncio.gather(*(keyring.data_key(NORTH, ANNA) for _ in range(50)))
        assert set(keys) == {await keyring.data_key(NORTH, ANNA)}

    async def test_a_destroyed_key_never_comes_back(
        self, keyring: Keyring, owner: KeyringOwner
    ) -> None:
        """Destroying is for ever, harmless twice, and touches nobody else."""
        boris = await keyring.data_key(NORTH, BORIS)
        await keyring.data_key(NORTH, ANNA)
        for _ in range(2):
            await owner.destroy(NORTH, ANNA)
            with pytest.raises(SubjectErased) as erased:
                await keyring.data_key(NORTH, ANNA)
            assert erased.value.subject == ANNA
        assert await keyring.data_key(NORTH, BORIS) == boris
        assert await keyring.data_key(SOUTH, ANNA)

    async def test_a_subject_without_a_key_can_be_destroyed_too(
        self, keyring: Keyring, owner: KeyringOwner
    ) -> None:
        """A first use that comes late finds the tombstone."""
        await owner.destroy(NORTH, ANNA)
        with pytest.raises(SubjectErased):
            await keyring.data_key(NORTH, ANNA)

    async def test_destroying_wins_over_first_uses_at_the_same_time(
        self, keyring: Keyring, owner: KeyringOwner
    ) -> None:
        """Whatever the racing callers were given, afterwards there is no key."""
        uses = [keyring.data_key(NORTH, ANNA) for _ in range(20)]
        await asyncio.gather(*uses, owner.destroy(NORTH, ANNA), return_exceptions=True)
        with pytest.raises(SubjectErased):
            await keyring.data_key(NORTH, ANNA)
