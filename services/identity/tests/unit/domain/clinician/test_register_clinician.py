"""A clinician is registered once."""

from uuid import UUID

from decider.testing import Specification
from identity.domain.clinician.commands import RegisterClinician
from identity.domain.clinician.decider import CLINICIAN
from identity.domain.clinician.events import ClinicianRegistered
from identity.domain.people import ClinicianDetails
from vocabulary.ids import AccountId, BranchId, ClinicianId

details = ClinicianDetails(
    clinician_id=ClinicianId(UUID(int=1)),
    branch_id=BranchId(UUID(int=2)),
    last_name="Петрова",
    first_name="Анна",
    specialty="Терапевт",
)
ACCOUNT_ID = AccountId(UUID(int=3))


def test_a_clinician_is_registered() -> None:
    Specification(CLINICIAN).given().when(
        RegisterClinician(details=details, account_id=ACCOUNT_ID, language="ru")
    ).then(ClinicianRegistered(details=details, account_id=ACCOUNT_ID, language="ru"))
