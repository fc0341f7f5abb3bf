"""Who may do what. Chats are for the two who talk; managers and administrators see lists, never texts."""

from typing import Final

from policies.api import POLICY_ACCESS
from service_kit.access import Access, AccessTable, Ownership

__all__ = ["ACCESS"]

MAX_UPLOAD_BYTES: Final = 101 * 1024 * 1024
"""The largest file that any policy may allow (100 MB), with the form around it."""

_BOTH: Final = {"patient": Ownership.OWN, "clinician": Ownership.OWN}
_CLINIC: Final = {"manager": Ownership.TENANT, "administrator": Ownership.TENANT}
_DOCTOR: Final = {"clinician": Ownership.OWN}

ACCESS = AccessTable(
    Access(
        "list_consultations",
        {"patient": Ownership.SELF, "clinician": Ownership.SELF, **_CLINIC},
    ),
    Access("read_consultation", {**_BOTH, **_CLINIC}),
    Access("connect", _BOTH),
    Access("take_in_work", _DOCTOR),
    Access("complete_consultation", _DOCTOR),
    Access("read_messages", _BOTH),
    Access("post_message", _BOTH),
    Access("share_file", _BOTH, max_body_bytes=MAX_UPLOAD_BYTES),
    Access("read_file", _BOTH),
    Access("join_live", _BOTH, token_in_frame=True),
    *POLICY_ACCESS,
)
