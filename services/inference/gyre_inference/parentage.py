"""A child that does not outlive its parent, and holds nothing of it."""

import ctypes
import os
import signal
import stat

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent(parent: int) -> None:
    """Let the kernel kill this process when the thread that made it ends.

    Args:
        parent: The process id that the parent had; if it is gone already, so are we.
    """
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before we could say so
        os._exit(1)


def let_go_of_sockets() -> None:
    """Point every inherited socket at nothing.

    A forked child holds its parent's ports and connections open: the parent's peers would
    never see that it closed them. The numbers stay taken, because objects that the parent's
    libraries left in this process may still close them.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    for name in os.listdir("/proc/self/fd"):
        number = int(name)
        try:
            is_socket = stat.S_ISSOCK(os.fstat(number).st_mode)
        except OSError:  # the listing's own
            continue
        if is_socket:
            os.dup2(nothing, number)
    os.close(nothing)
