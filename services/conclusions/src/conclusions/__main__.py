"""`python -m conclusions api|worker|all`."""

from conclusions.bootstrap import open_conclusions
from conclusions.settings import ConclusionsSettings
from service_kit.run import run


def main() -> None:
    run("conclusions", ConclusionsSettings, open_conclusions)


if __name__ == "__main__":
    main()
