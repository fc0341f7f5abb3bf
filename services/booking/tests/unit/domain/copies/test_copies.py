"""Own copies of others' facts change once per change."""

from dataclasses import replace
from uuid import UUID

from booking.domain.branch.commands import RecordBranch
from booking.domain.branch.decider import BRANCH
from booking.domain.branch.events import BranchRecorded
from booking.domain.patient_standing.commands import RecordPatientStanding
from booking.domain.patient_standing.decider import PATIENT_STANDING
from booking.domain.patient_standing.events import AccountStatus, PatientStandingRecorded
from booking.domain.service_price.commands import RecordServicePrice, WithdrawServicePrice
from booking.domain.service_price.decider import SERVICE_PRICE
from booking.domain.service_price.events import ServicePriceRecorded, ServicePriceWithdrawn
from decider.testing import Specification
from vocabulary.ids import BranchId, PatientId, ServiceId
from vocabulary.money import Money
from vocabulary.sealed import Sealed
from vocabulary.zone import ZoneId

branch = BranchRecorded(
    branch_id=BranchId(UUID(int=1)),
    name="Север",
    address="Тверская, 1",
    phone="+74950000000",
    zone=ZoneId("Europe/Moscow"),
)
standing = PatientStandingRecorded(
    patient_id=PatientId(UUID(int=2)),
    status=AccountStatus.UNCONFIRMED,
    last_name=Sealed(subject=UUID(int=2), field="last_name", cipher="c2VhbGVk"),
    first_name=Sealed(subject=UUID(int=2), field="first_name", cipher="c2VhbGVk"),
)
price = ServicePriceRecorded(
    service_id=ServiceId(UUID(int=3)),
    branch_id=branch.branch_id,
    department="Терапия",
    name="Приём терапевта",
    price=Money(kopecks=150_000),
)
withdrawn = ServicePriceWithdrawn(service_id=price.service_id)


def test_a_branch_is_recorded_once_per_change() -> None:
    moved = replace(branch, address="Арбат, 2")
    copy = Specification(BRANCH)
    copy.given().when(RecordBranch(branch=branch)).then(branch)
    copy.given(branch).when(RecordBranch(branch=moved)).then(moved)


def test_a_standing_is_recorded_once_per_change() -> None:
    confirmed = replace(standing, status=AccountStatus.CONFIRMED)
    copy = Specification(PATIENT_STANDING)
    copy.given().when(RecordPatientStanding(standing=standing)).then(standing)
    copy.given(standing).when(RecordPatientStanding(standing=confirmed)).then(confirmed)


def test_a_price_is_recorded_once_per_change_and_withdrawn() -> None:
    dearer = replace(price, price=Money(kopecks=200_000))
    withdraw = WithdrawServicePrice(service_id=price.service_id)
    copy = Specification(SERVICE_PRICE)
    copy.given().when(RecordServicePrice(price=price)).then(price)
    copy.given(price).when(RecordServicePrice(price=dearer)).then(dearer)
    copy.given(price).when(withdraw).then(withdrawn)
    copy.given(price, withdrawn).when(RecordServicePrice(price=price)).then(price)
