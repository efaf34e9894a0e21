"""示例：承办单位客户端，只用 nats-py 和标准库。A sample client of an agency; nats-py and the standard library.

收到承办单就签收、联系、办结，供演示。接到自己的系统里，改 STEPS 和 work() 即可，其余是不丢、不重的规矩：
It accepts, contacts and resolves whatever it is assigned. For a system of your own, change STEPS and work(); the
rest is how nothing gets lost or done twice:

1. 先落盘，再确认。 Kept on disk before it is acknowledged.
2. ce-id 见过的不再办。 An id seen before is not worked on again.
3. 要说的话也先落盘，收到 JetStream 回执才算送到；没有回执就用同一个 ce-id、同样的内容再发。
   What is said is on disk too, and sent again under the same id, unchanged, until JetStream acknowledges it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import ssl
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import nats
from nats.errors import Error

STEPS = (
    ("accepted", {"by": {"name": "值班员"}}),
    ("contacted", {"how": "电话"}),
    ("resolved", {"outcome": "solved", "measures": "上门排气，清洗过滤器。", "reply": "已恢复供暖，请您留意室温。"}),
)  # fmt: skip
FETCH_SECONDS, RECEIPT_SECONDS, LONGEST_WAIT, LISTEN_ON = 5, 5, 30, 2  # 秒 (seconds)


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def local(instant: str) -> str:
    return f"{datetime.fromisoformat(instant).astimezone():%m-%d %H:%M}"


class Journal:
    """一行一条 JSON，写一行就落盘。 One JSON line for each thing heard, said and receipted, synced to the disk.

    heard: ce-id -> event; said: ce-id -> message; receipts: the ce-ids of what JetStream has acknowledged.
    """

    def __init__(self, path: Path) -> None:
        self.heard: dict[str, dict] = {}
        self.said: dict[str, dict] = {}
        self.receipts: set[str] = set()
        self._file = path.open("a+b")
        self._file.seek(0)
        kept = self._file.read()
        whole = kept[: kept.rfind(b"\n") + 1]
        # 断电留下的半行没有确认过，会重新送来。 A torn line was never acknowledged: it comes again.
        self._file.truncate(len(whole))
        for line in whole.splitlines():
            self._note(json.loads(line))

    def write(self, **entry: object) -> None:
        self._file.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._note(entry)

    def _note(self, entry: dict) -> None:
        if "heard" in entry:
            self.heard[entry["heard"]["id"]] = entry["heard"]
        elif "said" in entry:
            self.said[entry["said"]["id"]] = entry["said"]
        else:
            self.receipts.add(entry["receipt"])

    def to_do(self) -> list[str]:
        """还没有办结、也没有被撤回的承办单号。 Assignments neither resolved nor withdrawn."""
        over = {one["data"]["assignment_id"] for one in self.heard.values() if one["kind"] == "withdrawn"}
        assigned = [one["data"]["assignment_id"] for one in self.heard.values() if one["kind"] == "assigned"]
        return [id for id in assigned if id not in over and f"{id}.resolved" not in self.receipts]


class Agency:
    def __init__(self, client: nats.NATS, tenant: str, journal: Journal) -> None:
        self.client, self.tenant, self.journal = client, tenant, journal
        self.jetstream = client.jetstream()
        self.resolved = self.refused = 0

    async def run(self, once: int) -> None:
        """一直运行；once 不为 0 时，办结这么多件之后再听两秒有没有退回，就结束。 For ever, or until so many are
        resolved and two more seconds brought nothing."""
        # 消费者是中心建好的，只绑定，不创建。 The consumer is there: bind, do not create.
        orders = await self.jetstream.pull_subscribe_bind(consumer=self.tenant, stream="DISPATCH")
        while not self.client.is_closed:
            for assignment in self.journal.to_do():
                await self.work(assignment)
            enough = bool(once) and self.resolved >= once
            try:
                for message in await orders.fetch(1, timeout=LISTEN_ON if enough else FETCH_SECONDS):
                    await self.take(message)
            except TimeoutError:
                if enough:
                    return
            except Error as error:
                say(f"取件失败，稍后再试 (cannot fetch, trying again): {error!r}")
                await asyncio.sleep(1)

    async def take(self, message: nats.aio.msg.Msg) -> None:
        """落盘、确认、告诉人。 Keep it, acknowledge it, tell about it."""
        id, kind = message.headers["ce-id"], message.subject.split(".")[2]
        if id in self.journal.heard:
            say(f"重复送达，不再处理 (delivered again): {kind} {id}")
        else:
            data = json.loads(message.data)
            self.journal.write(heard={"id": id, "kind": kind, "data": data})
            self.tell(kind, data)
        await message.ack()

    def tell(self, kind: str, data: dict) -> None:
        if kind == "assigned":
            say(f"收到承办单 (assigned): {data['case_no']} {data['summary']}")
            accept_by, resolve_by = local(data["accept_by"]), local(data["resolve_by"])
            say(f"  签收时限 (accept by) {accept_by}，办结时限 (resolve by) {resolve_by}")
        elif kind == "refused":
            self.refused += 1
            for error in data["errors"]:
                say(f"被退回 (refused): {data.get('in_reply_to', '?')} {error['field']}: {error['problem']}")
        else:  # 将来会有新的种类和字段，不认识的照收 (new kinds and fields may come: take them)
            say(f"收到 (heard): {kind} {json.dumps(data, ensure_ascii=False)}")

    async def work(self, assignment: str) -> None:
        """一件承办单：签收、联系、办结，从上次停下的地方接着来。 All steps of one assignment, from where it stopped."""
        for verb, more in STEPS:
            id = f"{assignment}.{verb}"
            if id not in self.journal.said:
                data = {"assignment_id": assignment, "at": datetime.now(UTC).isoformat(), **more}
                self.journal.write(said={"id": id, "verb": verb, "data": data})
            if id not in self.journal.receipts:
                await self.send(**self.journal.said[id])
                self.journal.write(receipt=id)
        self.resolved += 1

    async def send(self, id: str, verb: str, data: dict) -> None:
        """发到有回执为止。 Publishes until JetStream has acknowledged it."""
        headers = {
            "ce-id": id,
            "ce-source": f"/{self.tenant}/agency",
            "ce-specversion": "1.0",
            "ce-type": f"nuanliu.response.{verb}.v1",
            "content-type": "application/json",
        }
        subject, body = f"response.{self.tenant}.{verb}.v1", json.dumps(data, ensure_ascii=False).encode()
        wait = 1
        while True:
            try:
                receipt = await self.jetstream.publish(subject, body, RECEIPT_SECONDS, headers=headers)
                return say(f"已送达 (sent): {verb} {id}，回执 (receipt) {receipt.seq}")
            except (Error, TimeoutError) as error:
                if self.client.is_closed:
                    raise
                say(f"没有回执，{wait} 秒后用同一 ce-id 再发 (no receipt, sending again): {verb} {error!r}")
                await asyncio.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT)


async def main() -> int:
    parser = argparse.ArgumentParser(description="承办单位示例客户端 (a sample client of an agency)")
    parser.add_argument("--server", required=True, help="例如 nats://127.0.0.1:8091")
    parser.add_argument("--tenant", required=True, help="本单位的租户号 (your tenant id)")
    parser.add_argument("--seed", required=True, type=Path, help="密钥种子文件 (file with your seed)")
    parser.add_argument("--ca", help="服务器证书的 CA 文件，用 TLS 时 (CA file, with TLS)")
    parser.add_argument(
        "--journal", type=Path, help="收发记录，缺省为 <租户号>.jsonl (what was heard and said)"
    )
    parser.add_argument("--once", type=int, default=0, metavar="N", help="办结 N 件后结束 (end after N)")
    options = parser.parse_args()

    async def on_error(error: Exception) -> None:
        say(f"连接出错 (connection): {error!r}")

    async def on_reconnected() -> None:
        say("已重新连上 (reconnected)")

    client = await nats.connect(
        options.server,
        nkeys_seed_str=options.seed.read_text().strip(),
        inbox_prefix=f"_INBOX.{options.tenant}".encode(),
        name=f"{options.tenant} agency.py",
        tls=ssl.create_default_context(cafile=options.ca) if options.ca else None,
        max_reconnect_attempts=-1,  # 连不上、断了线都一直重试；新发的密钥十秒内生效 (for ever)
        reconnect_time_wait=1,
        error_cb=on_error,
        reconnected_cb=on_reconnected,
    )
    say(f"已连接 (connected): {options.server}，{options.tenant}")
    journal = Journal(options.journal or Path(f"{options.tenant}.jsonl"))
    agency = Agency(client, options.tenant, journal)
    try:
        await agency.run(options.once)
    finally:
        await client.close()
    say(f"结束 (end)：办结 (resolved) {agency.resolved} 件，被退回 (refused) {agency.refused} 条")
    return 1 if agency.refused else 0


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except KeyboardInterrupt:
        say("已停止，没办完的下次接着办 (stopped; what is not done goes on next time)")
