"""What makes a signature, and what happens when it cannot be made."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, NoReturn
from uuid import UUID

import pytest

from conclusions.application.ports import CertificateRefused, Refusal
from conclusions.bootstrap import CODEC
from conclusions.domain.conclusion.events import (
    ConclusionSigned,
    ConclusionSigningFailed,
    SignatureRequested,
)
from conclusions.domain.signing_certificate.commands import RevokeCertificate
from conclusions.domain.signing_certificate.events import CertificateRegistered
from messaging import Cause
from messaging.envelope import of_recorded
from service_kit.errors import Unavailable

Service = Any

ANNA = UUID("01936f00-0000-7000-8000-00000000000a")
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


async def set_policy(service: Service, key: str, value: object, **more: object) -> None:
    answer = await service.call(
        "PUT",
        "/policies/conclusions",
        "administrator",
        json={"key": key, "value": value, "reason": "TRIAL", **more},
    )
    assert answer.status_code == 200, answer.text


async def facts(service: Service, kind: type) -> list[Any]:
    events = [CODEC.decode(event) for event in await service.events()]
    return [event for event in events if isinstance(event, kind)]


async def request(service: Service, consultation_id: UUID, **claims: Any) -> Any:
    return await service.call(
        "POST", f"/consultations/{consultation_id}/conclusion/signature", **claims
    )


@pytest.mark.requirement("CON-24", "CON-26")
async def test_in_the_mode_manual_the_doctor_asks_for_the_signature(service: Service) -> None:
    service.clock.set(service.clock.now() - timedelta(hours=5))
    await set_policy(service, "signing", "MANUAL")
    service.clock.set(service.clock.now() + timedelta(hours=5))
    consultation_id = await service.complete()
    early = await request(service, consultation_id)
    assert (early.status_code, early.json()["code"]) == (409, "CONCLUSION_NOT_ATTACHED")
    await service.attach(consultation_id)
    await service.settle()
    shown = await service.status(consultation_id)
    assert (shown["status"], shown["signing"]) == ("ATTACHED", "MANUAL")
    for role in ("patient", "clinician"):
        unsigned = await service.call(
            "GET", f"/conclusions/{shown['conclusion_id']}/document", role
        )
        assert unsigned.status_code == 404
    for _ in range(2):
        assert (await request(service, consultation_id)).status_code == 202
    await service.settle()
    assert (await service.status(consultation_id))["status"] == "PUBLISHED"
    assert (await request(service, consultation_id)).status_code == 202
    await service.settle()
    assert len(await facts(service, ConclusionSigned)) == 1


@pytest.mark.requirement("OPS-15")
async def test_a_consultation_keeps_the_policy_under_which_it_was_taken_in_work(
    service: Service,
) -> None:
    """Taken at 10:00; the clinic changes its mind at noon, before the consultation is reported completed."""
    await set_policy(service, "signing", "MANUAL")
    before = await service.complete()
    shown = await service.publish(before)
    assert (shown["signing"], shown["status"]) == ("AUTO", "PUBLISHED")
    after = await service.complete(number=-1)
    await service.attach(after)
    await service.settle()
    assert (await service.status(after))["status"] == "ATTACHED"
    opened = [e for e in await service.events() if e.type == "ConclusionOpened.v1"]
    assert [event.meta().policy for event in opened] == [1, 1]


@pytest.mark.requirement("OPS-15")
async def test_a_policy_holds_from_its_instant_on_and_in_its_clinic_alone(
    service: Service,
) -> None:
    await service.tell_people("south")
    # The consultations of number 0 and -1 are taken at 10:00 of the 21st and the 22nd.
    await set_policy(service, "signing", "MANUAL", effective_from="2026-11-22T10:00:00Z")
    modes = {
        (tenant, number): (
            await service.status(
                await service.complete(number=number, tenant=tenant), tenant=tenant
            )
        )["signing"]
        for tenant in ("north", "south")
        for number in (0, -1)
    }
    assert modes == {
        ("north", 0): "AUTO",
        ("north", -1): "MANUAL",
        ("south", 0): "AUTO",
        ("south", -1): "AUTO",
    }


@pytest.mark.requirement("CON-28")
async def test_while_the_authority_is_away_it_is_tried_again_and_the_doctor_sees_why(
    service: Service,
) -> None:
    service.authority.away = True
    consultation_id = await service.complete()
    shown = await service.publish(consultation_id)
    assert shown["status"] == "SIGN_FAILED"
    assert shown["failure"]["reason"] == "AUTHORITY_UNAVAILABLE"
    assert shown["failure"]["attempt"] == 1
    assert shown["failure"]["retry_at"] == "2026-11-21T12:01:00Z"
    assert (await service.call("GET", "/medcard/conclusions", "patient")).json()["items"] == []
    service.clock.advance(MINUTE - SECOND)
    assert await service.fire() == 0
    service.clock.advance(SECOND)
    assert await service.fire() == 1
    again = await service.status(consultation_id)
    assert again["failure"]["attempt"] == 2
    assert again["failure"]["retry_at"] == "2026-11-21T12:06:00Z"
    service.authority.away = False
    service.clock.advance(5 * MINUTE)
    assert await service.fire() == 1
    signed = await service.status(consultation_id)
    assert (signed["status"], signed["failure"]) == ("PUBLISHED", None)
    assert await service.fire() == 0


@pytest.mark.requirement("CON-28")
async def test_when_tries_are_used_up_the_doctor_asks_again(service: Service) -> None:
    service.authority.refuses = True
    consultation_id = await service.complete()
    await service.publish(consultation_id)
    for hours in range(5):
        service.clock.advance(timedelta(hours=4 + hours))
        assert await service.fire() == 1
    given_up = await service.status(consultation_id)
    assert given_up["failure"] == {
        "reason": "CERTIFICATE_NOT_ISSUED",
        "attempt": 6,
        "retry_at": None,
    }
    service.clock.advance(timedelta(days=30))
    assert await service.fire() == 0
    service.authority.refuses = False
    assert (await request(service, consultation_id)).status_code == 202
    await service.settle()
    assert (await service.status(consultation_id))["status"] == "PUBLISHED"


async def test_the_doctor_s_own_try_puts_the_clock_s_to_rest(service: Service) -> None:
    service.authority.away = True
    consultation_id = await service.complete()
    await service.publish(consultation_id)
    service.authority.away = False
    await request(service, consultation_id)
    await service.settle()
    service.clock.advance(timedelta(hours=1))
    assert await service.fire() == 0
    assert len(await facts(service, ConclusionSigned)) == 1


async def test_one_certificate_serves_until_it_expires_and_then_there_is_another(
    service: Service,
) -> None:
    await service.publish(await service.complete())
    await service.publish(await service.complete(number=1))
    assert service.authority.issued == 1
    first = (await facts(service, ConclusionSigned))[0].signature.certificate
    service.clock.set(first.valid_to)
    await service.publish(await service.complete(number=2))
    assert service.authority.issued == 1
    service.clock.advance(SECOND)
    await service.publish(await service.complete(number=3))
    assert service.authority.issued == 2
    serials = [f.signature.certificate.serial for f in await facts(service, ConclusionSigned)]
    assert serials[:3] == [first.serial] * 3
    assert serials[3] != first.serial


@pytest.mark.requirement("CON-28")
async def test_a_revoked_certificate_is_given_up_for_a_new_one(service: Service) -> None:
    await service.publish(await service.complete())
    first = (await facts(service, ConclusionSigned))[0].signature.certificate
    serial = f"{first.serial:0>40}"
    (await service.authority_client.post(f"/certificates/{serial}/revocation")).raise_for_status()
    consultation_id = await service.complete(number=1)
    shown = await service.publish(consultation_id)
    assert shown["failure"]["reason"] == "CERTIFICATE_REVOKED"
    assert "CertificateRevoked.v1" in await service.types()
    service.clock.advance(MINUTE)
    assert await service.fire() == 1
    assert (await service.status(consultation_id))["status"] == "PUBLISHED"
    assert (await facts(service, ConclusionSigned))[1].signature.certificate != first


@dataclass
class Refusing:
    """A signer that says no, after something else has happened."""

    error: Exception
    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def sign(self, *_: object, **__: object) -> NoReturn:
        if self.meanwhile is not None:
            await self.meanwhile()
        raise self.error


async def asked(service: Service) -> tuple[SignatureRequested, Cause]:
    """A document that is being signed, and the event that asks for it."""
    consultation_id = await service.complete()
    await service.attach(consultation_id)
    assert (await request(service, consultation_id)).status_code == 202
    [recorded] = [e for e in await service.events() if e.type == "SignatureRequested.v1"]
    cause = Cause(of_recorded("conclusions", recorded), service.clock.now(), "conclusions.signing")
    return CODEC.decode(recorded), cause


@pytest.mark.parametrize("refusal", [r for r in Refusal if r is not Refusal.REVOKED])
async def test_a_certificate_that_may_not_sign_is_a_failure_with_that_name(
    service: Service, refusal: Refusal
) -> None:
    event, cause = await asked(service)
    desk = replace(service.conclusions.signing, signer=Refusing(CertificateRefused(refusal)))
    [dispatch] = await desk.sign(event, cause)
    assert dispatch.command.reason == "CERTIFICATE_REFUSED"


async def test_a_certificate_given_up_by_another_worker_is_not_given_up_twice(
    service: Service,
) -> None:
    event, cause = await asked(service)

    async def give_up() -> None:
        [registered] = await facts(service, CertificateRegistered)
        await service.conclusions.certificates.handle(
            RevokeCertificate(serial=registered.certificate.serial),
            key=registered.clinician_id,
            context=cause.command("elsewhere"),
        )

    signer = Refusing(CertificateRefused(Refusal.REVOKED), give_up)
    dispatches = await replace(service.conclusions.signing, signer=signer).sign(event, cause)
    assert [dispatch.to for dispatch in dispatches] == ["conclusions"]


async def test_when_another_system_is_away_no_try_is_used_up(service: Service) -> None:
    event, cause = await asked(service)
    desk = replace(service.conclusions.signing, signer=Refusing(Unavailable("identity")))
    with pytest.raises(Unavailable):
        await desk.sign(event, cause)


async def test_a_request_that_was_answered_is_left_alone(service: Service) -> None:
    event, cause = await asked(service)
    await service.settle()
    issued = service.authority.issued
    assert await service.conclusions.signing.sign(event, cause) == []
    assert service.authority.issued == issued


async def test_private_keys_are_in_no_event_and_wrapped_at_rest(service: Service) -> None:
    await service.publish(await service.complete())
    assert all(b"PRIVATE KEY" not in event.data for event in await service.events())
    [row] = await service.pool.fetch("SELECT * FROM signing_key")
    assert b"PRIVATE KEY" not in row["wrapped_key"]
    assert row["certificate_pem"].startswith(b"-----BEGIN CERTIFICATE")
    await service.pool.execute("UPDATE signing_key SET tenant = 'south'")
    with pytest.raises(Exception, match="does not fit"):
        await service.conclusions.signing.keys.find("south", row["clinician_id"], row["serial"])
    with pytest.raises(Exception, match="no private key"):
        await service.conclusions.signing.keys.find("north", row["clinician_id"], row["serial"])


async def test_a_patient_erased_before_the_signature_ends_the_tries(service: Service) -> None:
    consultation_id = await service.complete()
    await service.attach(consultation_id)
    await service.keyring.destroy("north", ANNA)
    service.sealers.forget("north", ANNA)
    await service.settle()
    [failed] = await facts(service, ConclusionSigningFailed)
    assert (failed.reason, failed.retry_at) == ("SUBJECT_ERASED", None)
    draft = await service.call("GET", f"/consultations/{consultation_id}/conclusion/draft")
    assert (draft.status_code, draft.json()["code"]) == (410, "SUBJECT_ERASED")
