"""`python -m booking api|worker|all`."""

from booking.bootstrap import open_booking
from booking.settings import BookingSettings
from service_kit.run import run


def main() -> None:
    run("booking", BookingSettings, open_booking)


if __name__ == "__main__":
    main()
