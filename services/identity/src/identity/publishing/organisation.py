"""What everybody may know of an organisation."""

from contracts import identity as facts
from contracts.fact import PublicEvent
from identity.domain.organisation.events import BranchAdded, OrganisationRegistered
from messaging import Envelope

__all__ = ["publish"]


def publish(event: object, _envelope: Envelope) -> PublicEvent | None:
    match event:
        case OrganisationRegistered():
            return facts.OrganisationRegistered(
                organisation_id=event.organisation_id,
                legal_name=event.legal_name,
                languages=event.languages,
            )
        case BranchAdded():
            return facts.BranchAdded(
                branch_id=event.branch_id,
                name=event.name,
                address=event.address,
                phone=event.phone,
                zone=event.zone,
            )
        case _:
            return None
