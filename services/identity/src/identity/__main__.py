"""`python -m identity api|worker|all`."""

from identity.bootstrap import open_identity
from identity.settings import IdentitySettings
from service_kit.run import run


def main() -> None:
    run("identity", IdentitySettings, open_identity)


if __name__ == "__main__":
    main()
