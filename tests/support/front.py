"""The partners' door as it ships, before a NATS server of this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from deploy.local.engines import HOST, EngineMissing, listening
from deploy.local.supervisor import Part
from deploy.production import DOOR, DOOR_CONFIG, NATS_PORT
from deploy.render import ROOT


def front_part(directory: Path, to: int, port: int) -> Part:
    """nginx on the configuration that ships: only where it listens, leads to and writes is another. Raises
    EngineMissing."""
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "door.conf"
    text = (ROOT / DOOR_CONFIG).read_text(encoding="utf-8")
    for shipped, here in {
        f"listen {NATS_PORT} ": f"listen {HOST}:{port} ",
        f"nats:{NATS_PORT};": f"{HOST}:{to};",
        "/tmp/door.pid": str(directory / "door.pid"),
        "/dev/stdout": str(directory / "door.access"),
    }.items():
        assert shipped in text, shipped
        text = text.replace(shipped, here)
    config.write_text(text, encoding="utf-8")
    program, extra = nginx()
    command = [program, "-p", str(directory), "-c", str(config), "-g", f"{extra} daemon off;"]
    return Part(DOOR, command, log=directory / "door.log", lacks=listening(port))


def nginx() -> tuple[str, str]:
    """The program, and what its configuration lacks for streams: Debian has that part in a package of its own."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        raise EngineMissing("nginx is missing: apt-get install nginx-light libnginx-mod-stream")
    built = subprocess.run([program, "-V"], capture_output=True, text=True, check=True).stderr
    if "--with-stream=dynamic" not in built:
        return program, ""
    modules = re.search(r"--modules-path=(\S+)", built)
    assert modules, built
    return program, f"load_module {modules[1]}/ngx_stream_module.so;"
