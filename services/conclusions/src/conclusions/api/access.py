"""Who may do what here (GW-24)."""

from typing import Final

from conclusions.domain.policies import MOST_UPLOAD_MB
from policies.api import POLICY_ACCESS
from service_kit.access import Access, AccessTable, Ownership

__all__ = ["ACCESS"]

AUTHOR: Final = {"clinician": Ownership.OWN}
READERS: Final = {"patient": Ownership.OWN, "clinician": Ownership.OWN}

ACCESS = AccessTable(
    Access("read_conclusion_form", {"clinician": Ownership.SELF}),
    Access("read_draft", AUTHOR),
    Access("save_draft", AUTHOR),
    Access("generate_preview", AUTHOR),
    Access("view_preview", AUTHOR),
    Access("discard_preview", AUTHOR),
    Access("attach_conclusion", AUTHOR),
    Access("upload_conclusion", AUTHOR, max_body_bytes=(MOST_UPLOAD_MB + 1) * 1024 * 1024),
    Access("sign_conclusion", AUTHOR),
    Access("read_consultation_conclusion", AUTHOR),
    Access("list_my_conclusions", {"patient": Ownership.SELF}),
    Access("read_conclusion", READERS),
    Access("open_document", READERS),
    Access("verify_signature", {"service": Ownership.TENANT}, callers=frozenset({"ops"})),
    *POLICY_ACCESS,
)
