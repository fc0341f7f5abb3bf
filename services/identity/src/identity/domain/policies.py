"""What a tenant may settle for itself about registration and sign-in."""

from dataclasses import dataclass

__all__ = ["IdentityPolicies"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityPolicies:
    """Defaults as in IDN-10 where it names one.

    A registration is closed after `code_attempts` wrong codes in all, sends `code_limit` codes at most and ends after
    `registration_ttl_minutes`; in that time `registrations_per_contact` may begin for one contact. Sign-in attempts
    that did not succeed count for `sign_in_window_minutes`.
    """

    code_ttl_minutes: int = 15
    code_attempts: int = 5
    code_resend_seconds: int = 60
    code_limit: int = 5
    registration_ttl_minutes: int = 60
    registrations_per_contact: int = 5
    sign_in_attempts_per_login: int = 10
    sign_in_attempts_per_address: int = 100
    sign_in_window_minutes: int = 15
    password_min_length: int = 8

    def __post_init__(self) -> None:
        bounds = {
            "code_ttl_minutes": (1, 24 * 60),
            "code_attempts": (1, 20),
            "code_resend_seconds": (0, 60 * 60),
            "code_limit": (1, 50),
            "registration_ttl_minutes": (1, 7 * 24 * 60),
            "registrations_per_contact": (1, 1000),
            "sign_in_attempts_per_login": (1, 1000),
            "sign_in_attempts_per_address": (1, 100_000),
            "sign_in_window_minutes": (1, 24 * 60),
            "password_min_length": (8, 64),
        }
        for name, (least, most) in bounds.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} is between {least} and {most}")
