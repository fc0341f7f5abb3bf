"""One organisation per tenant, with branches."""

from uuid import UUID

from decider.testing import Specification
from identity.domain.organisation.commands import AddBranch, RegisterOrganisation
from identity.domain.organisation.decider import ORGANISATION
from identity.domain.organisation.errors import OrganisationExists, UnknownOrganisation
from identity.domain.organisation.events import BranchAdded, OrganisationRegistered
from vocabulary.ids import BranchId, OrganisationId
from vocabulary.zone import ZoneId

organisation = Specification(ORGANISATION)
registered = OrganisationRegistered(
    organisation_id=OrganisationId(UUID(int=1)), legal_name="ООО Север", languages=("en", "ru")
)
register = RegisterOrganisation(
    organisation_id=registered.organisation_id, legal_name="ООО Север", languages=("en", "ru")
)
centre = BranchAdded(
    branch_id=BranchId(UUID(int=2)),
    name="Центр",
    address="Москва, Мира, 1",
    phone="+7 495 000-00-00",
    zone=ZoneId("Europe/Moscow"),
)
add_centre = AddBranch(
    branch_id=centre.branch_id,
    name=centre.name,
    address=centre.address,
    phone=centre.phone,
    zone=centre.zone,
)


def test_a_tenant_gets_its_organisation() -> None:
    organisation.given().when(register).then(registered)


def test_a_tenant_has_one_organisation() -> None:
    other = RegisterOrganisation(
        organisation_id=OrganisationId(UUID(int=9)), legal_name="ООО Юг", languages=("ru",)
    )
    organisation.given(registered).when(other).then_rejected(OrganisationExists)


def test_a_branch_is_added() -> None:
    organisation.given(registered).when(add_centre).then(centre)


def test_a_branch_needs_an_organisation() -> None:
    organisation.given().when(add_centre).then_rejected(UnknownOrganisation)


def test_the_first_language_is_the_default() -> None:
    assert organisation.given(registered).state.default_language == "en"
