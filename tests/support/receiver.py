"""A receiver of webhooks as an agency may have one: a program of its own that knows only what the guide tells it.

    python -m tests.support.receiver --port N --log FILE [--answers FILE]

Writes down every request as a JSON line before it answers. ``--answers``: a JSON file that is read for every request,
{"": status or [status, headers], "<case>": ...}: the answer for a case, or for all; "lost" is an answer that is given
and never heard.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hmac
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.live import until

LOST = "lost"


@dataclass(frozen=True)
class Received:
    """One request as it came in."""

    headers: dict[str, str]
    body: bytes
    answered: int

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def case(self) -> str:
        return self.headers.get("ce-subject", "")

    @property
    def attempt(self) -> int:
        return int(self.headers["nuanliu-attempt"])

    def signed_with(self, secret: str) -> bool:
        """Whether one of its signatures is by this secret, judged as the guide says."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        content = b".".join((self.id.encode(), self.headers["webhook-timestamp"].encode(), self.body))
        expected = "v1," + base64.b64encode(hmac.digest(key, content, "sha256")).decode()
        return any(
            hmac.compare_digest(expected, given) for given in self.headers["webhook-signature"].split(" ")
        )


@dataclass
class Receiver:
    """The program, as a test starts and kills it."""

    directory: Path
    port: int
    process: asyncio.subprocess.Process | None = field(default=None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def answer(self, **answers: Any) -> None:
        """What is answered from now on, by case; ``all`` for every other."""
        chosen = {"" if case == "all" else case: answer for case, answer in answers.items()}
        draft = self.directory / ".answers"
        draft.write_text(json.dumps(chosen))
        draft.replace(self.directory / "answers.json")

    async def start(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.support.receiver", "--port", str(self.port)),
            *("--log", str(self.directory / "log.jsonl"), "--answers", str(self.directory / "answers.json")),
        )
        await until(self._listens, bool)

    async def kill(self) -> None:
        """SIGKILL, and gone when this returns."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True

    async def received(self) -> list[Received]:
        """Everything so far, in the order it came in; a line that a kill cut short is nothing."""
        path = self.directory / "log.jsonl"
        if not path.exists():
            return []
        found = []
        for line in path.read_text().splitlines():
            try:
                said = json.loads(line)
            except json.JSONDecodeError:
                continue
            found.append(Received(said["headers"], base64.b64decode(said["body"]), said["answered"]))
        return found

    async def taken(self) -> list[Received]:
        """Of what came in that which was answered 2xx."""
        return [one for one in await self.received() if 200 <= one.answered < 300]


@asynccontextmanager
async def receiver(directory: Path, port: int) -> AsyncIterator[Receiver]:
    """A running receiver, killed at the end."""
    running = Receiver(directory, port)
    await running.start()
    try:
        yield running
    finally:
        await running.kill()


def firsts(received: Sequence[Received]) -> dict[str, list[str]]:
    """Case -> the ids in the order in which each was first taken."""
    found: dict[str, list[str]] = {}
    for one in received:
        ids = found.setdefault(one.case, [])
        if one.id not in ids:
            ids.append(one.id)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--answers", type=Path, required=True)
    chosen = parser.parse_args()
    log = os.open(chosen.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answers = json.loads(chosen.answers.read_text()) if chosen.answers.exists() else {}
            answer = answers.get(headers.get("ce-subject", ""), answers.get("", 200))
            status, more = answer if isinstance(answer, list) else (answer, {})
            taken = 200 if status == LOST else status
            line = {"headers": headers, "body": base64.b64encode(body).decode(), "answered": taken}
            os.write(log, json.dumps(line).encode() + b"\n")
            if status == LOST:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            said = f"answer {status}".encode()
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST

        def log_message(self, *_: Any) -> None:
            pass

    ThreadingHTTPServer(("127.0.0.1", chosen.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
