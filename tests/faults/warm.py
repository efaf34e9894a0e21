"""Service processes that start in a twentieth of the time: one process imports everything, then forks per service.

A fault test restarts services hundreds of times; a second of imports each would be most of it. What runs is what
``python -m services.<name>`` runs, in a process of its own, with the environment its part was given.

The supervisor's child is a small relay (this file, run without site packages): it hands its environment and its
output to the forking process, passes signals on, and ends as the service ends. When the relay is killed, so is the
service.
"""

import array
import contextlib
import json
import os
import signal
import socket
import struct
import sys

SIZE = struct.Struct("!I")


class Nursery:
    """Gives the command for a part, and finds the service process behind it."""

    def __init__(self, path: str) -> None:
        self.path = path

    def command(self, module: str, *arguments: str) -> list[str]:
        """How a part starts ``python -m module arguments`` by forking."""
        return [sys.executable, "-I", "-S", __file__, self.path, module, *arguments]

    def behind(self, relay: int) -> int | None:
        """The pid of the service process of a part's pid; None while there is none yet."""
        try:
            with open(f"{self.path}.{relay}", encoding="ascii") as file:
                return int(file.read() or 0) or None
        except FileNotFoundError:
            return None


# --- the relay ------------------------------------------------------------------------------------------------------


def relay(path: str, command: list[str]) -> None:
    """Asks for a process and ends as it ends."""
    order = json.dumps({"command": command, "env": dict(os.environ), "relay": os.getpid()}).encode()
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(path)
        descriptors = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", (1, 2)))]
        line.sendmsg([SIZE.pack(len(order))], descriptors)
        line.sendall(order)
        child = SIZE.unpack(_exactly(line, SIZE.size))[0]
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, lambda number, _frame: os.kill(child, number))
        code = os.waitstatus_to_exitcode(SIZE.unpack(_exactly(line, SIZE.size))[0])
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
        os.kill(os.getpid(), -code)
    sys.exit(code)


def _exactly(line: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = line.recv(size - len(data))
        if not part:
            raise SystemExit("the forking process has ended")
        data += part
    return data


# --- the forking process --------------------------------------------------------------------------------------------


def serve(path: str, modules: list[str]) -> None:
    """Imports ``modules``, then forks one process per order until standard input ends."""
    import gc
    import importlib
    import select

    for module in modules:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    lines: dict[int, socket.socket] = {}
    ended, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select([listener, ended, sys.stdin, *lines.values()], [], [])
        if sys.stdin in ready:
            break
        if ended in ready:
            os.read(ended, 4096)
            _reap(lines)
        for child, line in list(lines.items()):
            if line in ready:  # a relay says nothing; it is gone
                os.kill(child, signal.SIGKILL)
                lines.pop(child).close()
        if listener in ready:
            line, _ = listener.accept()
            head, descriptors, _, _ = socket.recv_fds(line, SIZE.size, 2)
            order = json.loads(_exactly(line, SIZE.unpack(head)[0]))
            child = os.fork()
            if child == 0:
                _become(order, descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
            lines[child] = line
            with open(f"{path}.{order['relay']}", "w", encoding="ascii") as file:
                file.write(str(child))
            try:
                line.sendall(SIZE.pack(child))
            except OSError:
                continue  # it was killed already; the next look finds its line closed
    for child in lines:
        os.kill(child, signal.SIGKILL)


def _reap(lines: dict[int, socket.socket]) -> None:
    while True:
        try:
            child, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if child == 0:
            return
        line = lines.pop(child, None)
        if line is not None:
            with contextlib.suppress(OSError):
                line.sendall(SIZE.pack(status))
            line.close()


def _become(order: dict[str, object], descriptors: list[int]) -> None:
    """Runs in the child: what the relay's command line asked for, never to return."""
    import ctypes
    import runpy
    import traceback

    code = 1
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # goes when the forking process goes
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        os.dup2(descriptors[0], 1)
        os.dup2(descriptors[1], 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.closerange(3, 256)
        os.environ.clear()
        os.environ.update(order["env"])  # type: ignore[call-overload]
        sys.argv = list(order["command"])  # type: ignore[call-overload]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1 if leaving.code else 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2], sys.argv[3:])
    else:
        relay(sys.argv[1], sys.argv[2:])
