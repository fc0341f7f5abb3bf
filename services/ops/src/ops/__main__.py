"""Run ops: `python -m ops api|worker|all`. The command line `kabinet` is `ops.cli`."""

from ops.bootstrap import open_ops
from ops.settings import OpsSettings
from service_kit.run import run


def main() -> None:
    """The entry point."""
    run("ops", OpsSettings, open_ops)


if __name__ == "__main__":
    main()
