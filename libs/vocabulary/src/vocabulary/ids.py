"""Ids: a tenant is a readable slug, everything else a UUID (version 7, from `service_kit.ids`)."""

import re
from typing import NewType
from uuid import UUID

from vocabulary.errors import InvalidValue

TenantId = NewType("TenantId", str)

AccountId = NewType("AccountId", UUID)
SessionId = NewType("SessionId", UUID)
PatientId = NewType("PatientId", UUID)
ClinicianId = NewType("ClinicianId", UUID)
OrganisationId = NewType("OrganisationId", UUID)
BranchId = NewType("BranchId", UUID)
SpecialtyId = NewType("SpecialtyId", UUID)
ServiceId = NewType("ServiceId", UUID)
"""A service of the clinic's price list, not a process of this suite."""
TemplateId = NewType("TemplateId", UUID)
AppointmentId = NewType("AppointmentId", UUID)
InvoiceId = NewType("InvoiceId", UUID)
PaymentId = NewType("PaymentId", UUID)
RefundId = NewType("RefundId", UUID)
ReceiptId = NewType("ReceiptId", UUID)
ConsultationId = NewType("ConsultationId", UUID)
MessageId = NewType("MessageId", UUID)
ConclusionId = NewType("ConclusionId", UUID)
FileId = NewType("FileId", UUID)

_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class InvalidTenantId(InvalidValue):
    """The text is not a slug of 1 to 40 lower-case letters, digits and hyphens."""

    code = "TENANT_ID_INVALID"


def tenant_id(text: str) -> TenantId:
    """Check a tenant's slug; raises `InvalidTenantId`. Nothing is normalised."""
    if not _TENANT.fullmatch(text):
        raise InvalidTenantId("a tenant id is a slug like 'north-clinic', at most 40 characters")
    return TenantId(text)
