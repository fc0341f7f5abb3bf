"""Which status each refusal of billing answers with."""

from billing.domain.invoice.errors import (
    HoldEnded,
    InvoiceAlreadyPaid,
    InvoiceNotFound,
    InvoiceNotPaid,
    InvoiceVoid,
)
from billing.domain.payment.errors import (
    PaymentNotFound,
    ProviderPaymentDiffers,
)
from billing.domain.price_list.errors import PriceNotPositive, ServiceCodeTaken, ServiceNotPriced
from billing.domain.refund.errors import RefundedAnotherAmount, RefundNotFound
from policies.api import POLICY_PROBLEMS
from service_kit.problems import ProblemTable

__all__ = ["PROBLEMS"]

PROBLEMS = ProblemTable(
    {
        ServiceCodeTaken: 409,
        PriceNotPositive: 422,
        ServiceNotPriced: 404,
        InvoiceNotFound: 404,
        InvoiceAlreadyPaid: 409,
        InvoiceVoid: 409,
        HoldEnded: 409,
        InvoiceNotPaid: 409,
        PaymentNotFound: 404,
        ProviderPaymentDiffers: 409,
        RefundNotFound: 404,
        RefundedAnotherAmount: 409,
        **POLICY_PROBLEMS,
    }
)
