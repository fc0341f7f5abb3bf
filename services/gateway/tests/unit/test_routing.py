"""The routing table is read off the services' documents."""

from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from gateway.api.description import merged, page
from gateway.routing import Operation, RoutingTable, load_documents
from gateway.settings import gateway_settings


def operation(name: str, *, roles: tuple[str, ...] = ("patient",), key: bool = False) -> Any:
    return {
        "operationId": name,
        "x-access": {"roles": dict.fromkeys(roles, "own")},
        "parameters": [{"name": "Idempotency-Key", "in": "header", "required": key}],
        "responses": {"200": {"$ref": "#/components/schemas/Slot"}},
    }


DOCUMENTS: dict[str, Any] = {
    "booking": {
        "paths": {
            "/api/v1/appointments": {"post": operation("request_appointment", key=True)},
            "/api/v1/appointments/{appointment_id}": {"get": operation("get_appointment")},
            "/api/v1/appointments/mine": {"get": operation("my_appointments")},
            "/internal/secret": {"post": {"operationId": "secret", "tags": ["internal"]}},
        },
        "components": {"schemas": {"Slot": {"type": "object"}, "Problem": {"type": "string"}}},
    },
    "identity": {
        "paths": {"/api/v1/sessions": {"post": operation("sign_in", roles=("anonymous",))}},
        "components": {"schemas": {"Slot": {"type": "array"}, "Problem": {"type": "string"}}},
        "x-live": ["/api/v1/rooms/{room_id}/live"],
    },
}
TABLE = RoutingTable(DOCUMENTS)


def found(method: str, path: str) -> Operation:
    operation = TABLE.find(method, path)
    assert isinstance(operation, Operation)
    return operation


def test_a_path_leads_to_its_service() -> None:
    assert found("GET", "/api/v1/appointments/42").name == "get_appointment"
    assert found("POST", "/api/v1/sessions").service == "identity"


def test_a_literal_path_goes_before_a_parameter() -> None:
    assert found("GET", "/api/v1/appointments/mine").name == "my_appointments"


def test_what_a_stranger_may_call_and_whose_answer_is_kept() -> None:
    assert found("POST", "/api/v1/sessions").anonymous
    assert not found("POST", "/api/v1/sessions").keeps_answers
    assert found("POST", "/api/v1/appointments").keeps_answers
    assert not found("POST", "/api/v1/appointments").anonymous


@pytest.mark.requirement("GW-16")
@pytest.mark.parametrize(
    "path", ["/internal/secret", "/api/v1/nothing", "/api/v1/appointments/1/2"]
)
def test_internal_and_unknown_paths_do_not_exist(path: str) -> None:
    assert TABLE.find("POST", path) is None


def test_a_known_path_names_its_methods() -> None:
    assert TABLE.find("DELETE", "/api/v1/appointments") == {"POST"}


def test_a_live_channel_is_found_by_its_path() -> None:
    live = TABLE.find_live("/api/v1/rooms/7/live")
    assert live is not None
    assert live.service == "identity"
    assert TABLE.find_live("/api/v1/rooms/7") is None


@pytest.mark.requirement("GW-16")
def test_the_public_document_has_all_public_operations_and_no_internal_one() -> None:
    document = msgspec.json.decode(merged(DOCUMENTS))
    assert document["openapi"] == "3.1.0"
    assert "/internal/secret" not in document["paths"]
    assert len(document["paths"]) == 4
    names = [op["operationId"] for item in document["paths"].values() for op in item.values()]
    assert len(names) == len(set(names))


def test_schemas_of_one_name_and_two_meanings_are_told_apart() -> None:
    document = msgspec.json.decode(merged(DOCUMENTS))
    assert document["components"]["schemas"] == {
        "Slot": {"type": "object"},
        "identity_Slot": {"type": "array"},
        "Problem": {"type": "string"},
    }
    sign_in = document["paths"]["/api/v1/sessions"]["post"]
    assert sign_in["responses"]["200"] == {"$ref": "#/components/schemas/identity_Slot"}


def test_the_page_lists_every_operation() -> None:
    shown = page(merged(DOCUMENTS))
    assert "GET /api/v1/appointments/mine" in shown
    assert "secret" not in shown


def test_a_service_with_routes_has_an_address_or_the_gateway_does_not_start() -> None:
    complete = gateway_settings()
    addressed = {name.removesuffix("_url") for name in complete.model_fields}
    assert set(load_documents()) <= addressed
    missing = {"booking", "notifications"}
    given = {f"{name}_url": "http://there" for name in load_documents() if name not in missing}
    secrets = {"database_url": "d", "service_secret": "s", "captcha_secret": "s"}
    with pytest.raises(ValidationError) as refused:
        complete.model_validate({"port": 0, **secrets, **given})
    assert {error["loc"][0] for error in refused.value.errors()} == {
        f"{name}_url" for name in missing
    }
