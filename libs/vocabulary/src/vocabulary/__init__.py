"""The words every service shares: ids, money, periods, identity numbers, sealed values."""
