"""What every process started here has in common."""

import ctypes
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def dies_with_its_parent(with_signal: signal.Signals) -> Callable[[], None] | None:
    """A ``preexec_fn``: the kernel sends the signal when the starting thread ends (Linux only)."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)

    def ask_kernel() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(with_signal), 0, 0, 0)

    return ask_kernel
