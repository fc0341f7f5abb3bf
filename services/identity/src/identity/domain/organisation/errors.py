"""Why an organisation is not changed."""

from typing import ClassVar

from decider import Rejection

__all__ = ["OrganisationExists", "UnknownBranch", "UnknownOrganisation", "UnknownTenant"]


class OrganisationExists(Rejection):
    """The tenant has an organisation already."""

    code: ClassVar[str] = "ORGANISATION_EXISTS"


class UnknownOrganisation(Rejection):
    """The tenant has no organisation yet."""

    code: ClassVar[str] = "ORGANISATION_UNKNOWN"


class UnknownTenant(Rejection):
    """There is no such clinic: nobody registers in it (IDN-03)."""

    code: ClassVar[str] = "TENANT_UNKNOWN"


class UnknownBranch(Rejection):
    """The organisation has no such branch."""

    code: ClassVar[str] = "BRANCH_UNKNOWN"
