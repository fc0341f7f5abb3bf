"""What a tenant may settle."""

from typing import Any

import pytest

from consultation_room.domain.policies import RoomPolicies


@pytest.mark.requirement("ROOM-26")
def test_the_defaults_are_those_of_the_requirements() -> None:
    policies = RoomPolicies()
    assert policies.take_lead_minutes == 15
    assert (policies.max_files, policies.max_file_megabytes) == (10, 50)
    assert set(policies.file_types) == {"pdf", "doc", "docx", "zip", "png", "jpg"}
    assert policies.conclusion_due_hours == 24


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("take_lead_minutes", 0, 24 * 60),
        ("max_file_megabytes", 1, 100),
        ("max_files", 0, 100),
        ("conclusion_due_hours", 1, 30 * 24),
        ("no_show_minutes", 0, 30 * 24 * 60),
    ],
)
def test_numbers_have_bounds(name: str, least: int, most: int) -> None:
    def with_value(value: int) -> RoomPolicies:
        wish: dict[str, Any] = {name: value}
        return RoomPolicies(**wish)

    for fine in (least, most):
        assert getattr(with_value(fine), name) == fine
    for wrong in (least - 1, most + 1):
        with pytest.raises(ValueError, match=name):
            with_value(wrong)


def test_a_phone_number_has_some_characters() -> None:
    assert RoomPolicies(call_centre_phones=("03",)).call_centre_phones == ("03",)
    with pytest.raises(ValueError, match="phone"):
        RoomPolicies(call_centre_phones=("",))
