"""What others hear: every stored fact becomes one public fact or none, and no secret leaves."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from billing.bootstrap import CODEC
from billing.publishing import publish
from event_store import Metadata, RecordedEvent
from event_store.codec import encode_metadata
from messaging import Envelope, of_recorded

SAMPLES = Path(__file__).parents[3] / "samples"
PUBLIC = {
    "PricePublished": "PricePublished.v1",
    "PriceWithdrawn": "PriceWithdrawn.v1",
    "PreliminaryInvoiceIssued": "PreliminaryInvoiceIssued.v1",
    "InvoicePaid": "InvoicePaid.v1",
    "InvoiceCancelled": "InvoiceCancelled.v1",
    "InvoiceRefunded": "InvoiceRefunded.v1",
    "PaymentFailed": "PaymentFailed.v1",
    "PaymentCancelled": "PaymentFailed.v1",
    "PaymentExpired": "PaymentExpired.v1",
    "RefundRequested": "RefundRequested.v1",
    "RefundSucceeded": "RefundSucceeded.v1",
    "RefundFailed": "RefundFailed.v1",
    "RefundDeclinedByPolicy": "RefundDeclinedByPolicy.v1",
}


def envelope(stored: str) -> Envelope:
    data = (SAMPLES / f"{stored}.json").read_bytes()
    metadata = Metadata(
        tenant="north",
        actor="service:billing",
        role="service",
        time=datetime(2026, 11, 21, 9, 0, tzinfo=UTC),
        correlation=UUID(int=1),
    )
    raw = encode_metadata(metadata)
    return of_recorded("billing", RecordedEvent(UUID(int=2), "x", 0, stored, data, raw, 0, 1))


@pytest.mark.requirement("BIL-45")
@pytest.mark.parametrize("stored", sorted(path.stem for path in SAMPLES.glob("*.json")))
def test_a_stored_fact_becomes_its_public_one(stored: str) -> None:
    private = envelope(stored)
    public = publish(CODEC.decode(private), private)
    expected = PUBLIC.get(stored.removesuffix(".v1"))
    assert (None if public is None else public.type_name()) == expected
    if public is not None:
        text = public.model_dump_json()
        assert "cipher" not in text
        assert "return_url" not in text


@pytest.mark.requirement("BIL-45")
def test_a_paid_invoice_names_appointment_payment_and_sum() -> None:
    private = envelope("InvoicePaid.v1")
    public = publish(CODEC.decode(private), private)
    assert public is not None
    told = public.model_dump(mode="json")
    assert told["total_kopecks"] == 150_000
    assert told["appointment_id"] == "0190b000-0000-7000-8000-000000000003"
    assert told["payment_id"] == "0190b000-0000-7000-8000-000000000006"


def test_facts_of_the_kernel_stay_private() -> None:
    assert publish(object(), envelope("InvoicePaid.v1")) is None
