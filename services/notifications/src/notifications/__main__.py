"""`python -m notifications api|worker|all`."""

from notifications.bootstrap import open_notifications
from notifications.settings import NotificationsSettings
from service_kit.run import run


def main() -> None:
    run("notifications", NotificationsSettings, open_notifications)


if __name__ == "__main__":
    main()
