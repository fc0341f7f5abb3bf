"""What booking knows of patients: account status, and the name, sealed."""

from collections.abc import Collection
from dataclasses import dataclass

from booking.domain.patient_standing.events import AccountStatus, PatientStandingRecorded
from read_models import Fact, Queries, View
from vocabulary.ids import PatientId
from vocabulary.sealed import Sealed

__all__ = ["VIEW", "PatientRow", "by_ids", "find"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientRow:
    tenant: str
    patient_id: PatientId
    status: AccountStatus
    last_name: Sealed[str]
    first_name: Sealed[str]
    patronymic: Sealed[str] | None

    @property
    def sealed_name(self) -> list[Sealed[str]]:
        """The parts of the name in the order in which they are read."""
        return [
            part for part in (self.last_name, self.first_name, self.patronymic) if part is not None
        ]


def project(_row: PatientRow | None, event: PatientStandingRecorded, fact: Fact) -> PatientRow:
    return PatientRow(
        tenant=fact.tenant,
        patient_id=event.patient_id,
        status=event.status,
        last_name=event.last_name,
        first_name=event.first_name,
        patronymic=event.patronymic,
    )


VIEW = View(
    name="patients",
    version=1,
    row=PatientRow,
    key=("tenant", "patient_id"),
    events={PatientStandingRecorded: lambda event, fact: [(fact.tenant, event.patient_id)]},
    project=project,
)


async def find(db: Queries, tenant: str, patient_id: PatientId) -> PatientRow | None:
    return await db.one(VIEW, tenant=tenant, patient_id=patient_id)


async def by_ids(
    db: Queries, tenant: str, patient_ids: Collection[PatientId]
) -> dict[PatientId, PatientRow]:
    rows = await db.some(VIEW, ((tenant, patient_id) for patient_id in patient_ids))
    return {row.patient_id: row for row in rows.values()}
