"""示例：渠道客户端，只用 nats-py 和标准库。A sample client of a channel; nats-py and the standard library.

报一件诉求，打印中心的每一条通知，到 --until 为止。 Hands in one appeal and prints the notices until the one asked for.

ce-id 由自己的单号得来，所以同一单号再报一次还是那一件，不会重复立案；内容必须一样，换了内容会被退回（字段 id）。
The id is made of your own number: handing in the same number again is the same appeal. The body must be the same.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import sys
import time
from pathlib import Path

import nats
from nats.errors import Error

LAST = {"closed", "answered", "not_accepted", "rejected"}


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


async def submit(client: nats.NATS, tenant: str, number: str, data: dict) -> str:
    """发到有回执为止。 Publishes until JetStream has acknowledged it; gives the ce-id."""
    id = f"{tenant}.{number}.submitted"
    headers = {
        "ce-id": id,
        "ce-source": f"/{tenant}/channel",
        "ce-specversion": "1.0",
        "ce-type": "nuanliu.intake.submitted.v1",
        "content-type": "application/json",
    }
    body = json.dumps(data, ensure_ascii=False).encode()
    while True:
        try:
            await client.jetstream().publish(
                f"intake.{tenant}.submitted.v1", body, headers=headers, timeout=5
            )
            say(f"已送达 (sent): {id}")
            return id
        except (Error, TimeoutError) as error:
            say(f"没有回执，再发 (no receipt, sending again): {error!r}")
            await asyncio.sleep(2)


async def follow(client: nats.NATS, tenant: str, id: str, until: str) -> str:
    """打印通知，直到这件诉求有了 until 或终局的通知；返回它的种类。真系统在这里先落库，再确认。

    Prints notices until one of that kind, or a last one, answers ``id``. A real system stores before it acknowledges.
    """
    wanted = LAST | (
        {until, "merged"} if until == "registered" else {until}
    )  # 并案也是受理了 (merged is taken too)
    notices = await client.jetstream().pull_subscribe_bind(consumer=tenant, stream="NOTICE")
    while True:
        try:
            (message,) = await notices.fetch(1, timeout=5)
        except (Error, TimeoutError):
            continue
        kind, data = message.subject.split(".")[2], json.loads(message.data)
        say(f"通知 (notice): {kind} {json.dumps(data, ensure_ascii=False)}")
        await message.ack()
        if data.get("in_reply_to") == id and kind in wanted:
            return kind


async def main() -> int:
    parser = argparse.ArgumentParser(description="渠道示例客户端 (a sample client of a channel)")
    parser.add_argument("--server", required=True, help="例如 nats://127.0.0.1:8091")
    parser.add_argument("--tenant", required=True, help="本渠道的租户号 (your tenant id)")
    parser.add_argument("--seed", required=True, type=Path, help="密钥种子文件 (file with your seed)")
    parser.add_argument("--ca", help="服务器证书的 CA 文件，用 TLS 时 (CA file, with TLS)")
    parser.add_argument("--number", required=True, help="自己的单号 (your own number of the appeal)")
    parser.add_argument("--text", required=True, help="居民说的话 (what the resident says)")
    parser.add_argument("--compound", help="小区名 (compound)")
    parser.add_argument("--until", default="closed", help="等到哪种通知 (wait for this kind of notice)")
    options = parser.parse_args()

    async def on_error(error: Exception) -> None:
        say(f"连接出错 (connection): {error!r}")

    client = await nats.connect(
        options.server,
        nkeys_seed_str=options.seed.read_text().strip(),
        inbox_prefix=f"_INBOX.{options.tenant}".encode(),
        name=f"{options.tenant} channel.py",
        tls=ssl.create_default_context(cafile=options.ca) if options.ca else None,
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        error_cb=on_error,
    )
    data: dict = {"text": options.text, "external_ref": options.number}
    if options.compound:
        data["location"] = {"compound": options.compound}
    try:
        id = await submit(client, options.tenant, options.number, data)
        kind = await follow(client, options.tenant, id, options.until)
    finally:
        await client.close()
    return 1 if kind == "rejected" else 0


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except KeyboardInterrupt:
        say("已停止 (stopped)")
