"""A keyring in memory, for tests and for deciding nothing about storage."""

from uuid import UUID

from privacy.errors import SubjectErased
from privacy.keyring import new_data_key
from vocabulary.ids import TenantId


class MemoryKeyring:
    """Keeps the keys of one process; a destroyed key leaves a tombstone, as in a real ring."""

    def __init__(self) -> None:
        self._keys: dict[tuple[TenantId, UUID], bytes | None] = {}

    async def data_key(self, tenant: TenantId, subject: UUID) -> bytes:
        """See `Keyring`."""
        if (tenant, subject) not in self._keys:
            self._keys[tenant, subject] = new_data_key()
        key = self._keys[tenant, subject]
        if key is None:
            raise SubjectErased(subject)
        return key

    async def destroy(self, tenant: TenantId, subject: UUID) -> None:
        """See `KeyringOwner`."""
        self._keys[tenant, subject] = None
