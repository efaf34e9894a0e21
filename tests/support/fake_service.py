"""A program that stands in for a service where a test is about the stack: it answers /health/ready, and that is all.

FAKE_DIES names services that end as soon as they start; FAKE_UNREADY those that say 503.
"""

from __future__ import annotations

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = os.environ["NUANLIU_MONGO_DATABASE"]


class Front(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        unready = NAME in os.environ.get("FAKE_UNREADY", "").split(",")
        body = json.dumps({key: value for key, value in os.environ.items() if key.startswith("NUANLIU_")})
        self.send_response(503 if unready else 200)
        self.end_headers()
        self.wfile.write(b"stream CASE is missing" if unready else body.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    if NAME in os.environ.get("FAKE_DIES", "").split(","):
        sys.exit(f"{NAME}: stream CASE is missing")
    address = (os.environ["NUANLIU_HTTP_HOST"], int(os.environ["NUANLIU_HTTP_PORT"]))
    ThreadingHTTPServer(address, Front).serve_forever()
