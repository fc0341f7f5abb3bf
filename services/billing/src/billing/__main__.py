"""`python -m billing api|worker|all`."""

from billing.bootstrap import open_billing
from billing.settings import BillingSettings
from service_kit.run import run


def main() -> None:
    run("billing", BillingSettings, open_billing)


if __name__ == "__main__":
    main()
