"""Run the gateway: `python -m gateway api|worker|all`."""

from gateway.bootstrap import open_gateway
from gateway.settings import gateway_settings
from service_kit.run import run


def main() -> None:
    """The entry point."""
    run("gateway", gateway_settings(), open_gateway)


if __name__ == "__main__":
    main()
