"""Doctors' private keys at rest: in PostgreSQL, each wrapped with the service's key-encryption key; or in memory."""

from dataclasses import dataclass, field
from uuid import UUID, uuid5

import asyncpg

from conclusions.application.ports import IssuedCertificate, SigningCredential
from privacy.errors import KeyUnavailable
from privacy.keyring import MasterKeys, WrappedKey
from vocabulary.ids import ClinicianId, TenantId

_KEEP = """
INSERT INTO signing_key
    (tenant, clinician_id, serial, certificate_pem, chain_pem, wrapping_key_id, wrapped_key)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (tenant, clinician_id, serial) DO NOTHING
"""

_FIND = """
SELECT certificate_pem, chain_pem, wrapping_key_id, wrapped_key FROM signing_key
WHERE tenant = $1 AND clinician_id = $2 AND serial = $3
"""


@dataclass(frozen=True, slots=True)
class PostgresSigningKeys:
    """A row is readable only where it stands: tenant, clinician and serial are authenticated with the key."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    wrapping_keys: MasterKeys

    async def keep(
        self, tenant: TenantId, clinician_id: ClinicianId, issued: IssuedCertificate
    ) -> None:
        """See `SigningKeys`."""
        serial, credential = issued.certificate.serial, issued.credential
        row = _row(clinician_id, serial)
        wrapped = self.wrapping_keys.wrap(tenant, row, credential.key_pem)
        await self.pool.execute(
            _KEEP,
            tenant,
            clinician_id,
            serial,
            credential.certificate_pem,
            credential.chain_pem,
            wrapped.master_key_id,
            wrapped.wrapped,
        )

    async def find(
        self, tenant: TenantId, clinician_id: ClinicianId, serial: str
    ) -> SigningCredential:
        """See `SigningKeys`."""
        kept = await self.pool.fetchrow(_FIND, tenant, clinician_id, serial)
        if kept is None:
            raise KeyUnavailable("no private key for this certificate")
        wrapped = WrappedKey(master_key_id=kept["wrapping_key_id"], wrapped=kept["wrapped_key"])
        return SigningCredential(
            certificate_pem=kept["certificate_pem"],
            chain_pem=kept["chain_pem"],
            key_pem=self.wrapping_keys.unwrap(tenant, _row(clinician_id, serial), wrapped),
        )


@dataclass(frozen=True, slots=True)
class MemorySigningKeys:
    """For tests, and where nothing is signed."""

    kept: dict[tuple[TenantId, ClinicianId, str], SigningCredential] = field(
        default_factory=dict, repr=False
    )

    async def keep(
        self, tenant: TenantId, clinician_id: ClinicianId, issued: IssuedCertificate
    ) -> None:
        """See `SigningKeys`."""
        self.kept.setdefault((tenant, clinician_id, issued.certificate.serial), issued.credential)

    async def find(
        self, tenant: TenantId, clinician_id: ClinicianId, serial: str
    ) -> SigningCredential:
        """See `SigningKeys`."""
        try:
            return self.kept[tenant, clinician_id, serial]
        except KeyError:
            raise KeyUnavailable("no private key for this certificate") from None


def _row(clinician_id: ClinicianId, serial: str) -> UUID:
    return uuid5(clinician_id, serial)
