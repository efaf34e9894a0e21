/**
 * 示例：承办单位客户端，只用 NATS 的 npm 包和 Node 自带的模块。与 agency.py 同样的参数、同样的做法、同样的收发记录。
 * A sample client of an agency; the NATS packages and Node's own modules. Flags, behaviour and journal as agency.py.
 *
 * 收到承办单就签收、联系、办结，供演示。接到自己的系统里，改 STEPS 和 work() 即可，其余是不丢、不重的规矩：
 * It accepts, contacts and resolves whatever it is assigned. For a system of your own, change STEPS and work(); the
 * rest is how nothing gets lost or done twice:
 *
 * 1. 先落盘，再确认。 Kept on disk before it is acknowledged.
 * 2. ce-id 见过的不再办。 An id seen before is not worked on again.
 * 3. 要说的话也先落盘，收到 JetStream 回执才算送到；没有回执就用同一个 ce-id、同样的内容再发。
 *    What is said is on disk too, and sent again under the same id, unchanged, until JetStream acknowledges it.
 *
 * 为什么不用 npm 的 nats 包：它停在 2.x，已由 @nats-io/* 接替。 Why not the package `nats`: it stays at 2.x, @nats-io/*
 * has taken its place.
 */
import fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { jetstream } from "@nats-io/jetstream";
import { connect, headers, nkeyAuthenticator } from "@nats-io/transport-node";

const STEPS = [
  ["accepted", { by: { name: "值班员" } }],
  ["contacted", { how: "电话" }],
  ["resolved", { outcome: "solved", measures: "上门排气，清洗过滤器。", reply: "已恢复供暖，请您留意室温。" }],
];
const [FETCH_MS, RECEIPT_MS, LONGEST_WAIT, LISTEN_ON_MS] = [5_000, 5_000, 30, 2_000];

const two = (number) => String(number).padStart(2, "0");
const clock = (at) => `${two(at.getHours())}:${two(at.getMinutes())}`;
const local = (time) => `${two(new Date(time).getMonth() + 1)}-${two(new Date(time).getDate())} ${clock(new Date(time))}`;
const say = (text) => console.log(`${clock(new Date())}:${two(new Date().getSeconds())} ${text}`);

/**
 * 一行一条 JSON，写一行就落盘。 One JSON line for each thing heard, said and receipted, synced to the disk.
 * heard: ce-id -> event; said: ce-id -> message; receipts: the ce-ids of what JetStream has acknowledged.
 */
class Journal {
  heard = new Map();
  said = new Map();
  receipts = new Set();

  constructor(path) {
    const kept = fs.existsSync(path) ? fs.readFileSync(path) : Buffer.alloc(0);
    const whole = kept.subarray(0, kept.lastIndexOf("\n") + 1);
    this.file = fs.openSync(path, "a");
    fs.ftruncateSync(this.file, whole.length); // 断电留下的半行：它还没有被确认，会重新送来 (never acknowledged)
    for (const line of whole.toString().split("\n").filter(Boolean)) this.#note(JSON.parse(line));
  }

  write(entry) {
    fs.writeSync(this.file, JSON.stringify(entry) + "\n");
    fs.fsyncSync(this.file);
    this.#note(entry);
  }

  #note({ heard, said, receipt }) {
    if (heard) this.heard.set(heard.id, heard);
    else if (said) this.said.set(said.id, said);
    else this.receipts.add(receipt);
  }

  /** 还没有办结、也没有被撤回的承办单号。 Assignments neither resolved nor withdrawn. */
  toDo() {
    const ids = (kind) => [...this.heard.values()].filter((e) => e.kind === kind).map((e) => e.data.assignment_id);
    const over = new Set(ids("withdrawn"));
    return ids("assigned").filter((id) => !over.has(id) && !this.receipts.has(`${id}.resolved`));
  }
}

class Agency {
  resolved = 0;
  refused = 0;

  constructor(client, tenant, journal) {
    Object.assign(this, { client, tenant, journal, jetstream: jetstream(client) });
  }

  /** 一直运行；once 不为 0 时，办结这么多件、再听两秒没有退回，就结束。
   *  For ever, or until so many are resolved and two more seconds brought nothing. */
  async run(once) {
    // 消费者是中心建好的，只绑定，不创建，也不查询。 The consumer is there: bind, do not create, do not ask about it.
    const orders = this.jetstream.consumers.getConsumerFromInfo({ stream_name: "DISPATCH", name: this.tenant, config: {} });
    while (!this.client.isClosed()) {
      for (const assignment of this.journal.toDo()) await this.work(assignment);
      const enough = once > 0 && this.resolved >= once;
      let came = false;
      try {
        const expires = enough ? LISTEN_ON_MS : FETCH_MS;
        for await (const message of await orders.fetch({ max_messages: 1, expires, bind: true })) {
          came = true;
          this.take(message);
        }
      } catch (error) {
        if (this.client.isClosed()) return;
        say(`取件失败，稍后再试 (cannot fetch, trying again): ${error.message}`);
        await sleep(1000);
        continue;
      }
      if (enough && !came) return;
    }
  }

  /** 落盘、确认、告诉人。 Keep it, acknowledge it, tell about it. */
  take(message) {
    const [id, kind] = [message.headers.get("ce-id"), message.subject.split(".")[2]];
    if (this.journal.heard.has(id)) {
      say(`重复送达，不再处理 (delivered again): ${kind} ${id}`);
    } else {
      const data = message.json();
      this.journal.write({ heard: { id, kind, data } });
      this.tell(kind, data);
    }
    message.ack();
  }

  tell(kind, data) {
    if (kind === "assigned") {
      say(`收到承办单 (assigned): ${data.case_no} ${data.summary}`);
      say(`  签收时限 (accept by) ${local(data.accept_by)}，办结时限 (resolve by) ${local(data.resolve_by)}`);
    } else if (kind === "refused") {
      this.refused += 1;
      for (const { field, problem } of data.errors) {
        say(`被退回 (refused): ${data.in_reply_to ?? "?"} ${field}: ${problem}`);
      }
    } else { // 将来会有新的种类和字段，不认识的照收 (new kinds and fields may come: take them)
      say(`收到 (heard): ${kind} ${JSON.stringify(data)}`);
    }
  }

  /** 一件承办单：签收、联系、办结，从上次停下的地方接着来。 All steps of one assignment, from where it stopped. */
  async work(assignment) {
    for (const [verb, more] of STEPS) {
      const id = `${assignment}.${verb}`;
      if (!this.journal.said.has(id)) {
        const data = { assignment_id: assignment, at: new Date().toISOString(), ...more };
        this.journal.write({ said: { id, verb, data } });
      }
      if (!this.journal.receipts.has(id)) {
        await this.send(this.journal.said.get(id));
        this.journal.write({ receipt: id });
      }
    }
    this.resolved += 1;
  }

  /** 发到有回执为止。 Publishes until JetStream has acknowledged it. */
  async send({ id, verb, data }) {
    const attributes = headers();
    attributes.set("ce-id", id);
    attributes.set("ce-source", `/${this.tenant}/agency`);
    attributes.set("ce-specversion", "1.0");
    attributes.set("ce-type", `nuanliu.response.${verb}.v1`);
    attributes.set("content-type", "application/json");
    const options = { headers: attributes, timeout: RECEIPT_MS };
    for (let wait = 1; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
      try {
        const receipt = await this.jetstream.publish(`response.${this.tenant}.${verb}.v1`, JSON.stringify(data), options);
        return say(`已送达 (sent): ${verb} ${id}，回执 (receipt) ${receipt.seq}`);
      } catch (error) {
        if (this.client.isClosed()) throw error;
        say(`没有回执，${wait} 秒后用同一 ce-id 再发 (no receipt, sending again): ${verb} ${error.message}`);
        await sleep(wait * 1000);
      }
    }
  }
}

const { values } = parseArgs({
  options: Object.fromEntries(["server", "tenant", "seed", "ca", "journal", "once"].map((name) => [name, { type: "string" }])),
});
const { server, tenant, seed, ca, journal = `${tenant}.jsonl`, once = "0" } = values;
if (!server || !tenant || !seed) {
  console.error("用法 (usage): node agency.mjs --server nats://... --tenant ID --seed FILE [--ca FILE] [--journal FILE] [--once N]");
  process.exit(2);
}

async function connected(options) {
  for (;;) {
    try {
      return await connect(options);
    } catch (error) { // 新发的密钥十秒内生效 (a new key is served within ten seconds)
      say(`连不上，1 秒后再试 (cannot connect, trying again): ${error.message}`);
      await sleep(1000);
    }
  }
}

const client = await connected({
  servers: server,
  authenticator: nkeyAuthenticator(new TextEncoder().encode(fs.readFileSync(seed, "utf8").trim())),
  inboxPrefix: `_INBOX.${tenant}`,
  name: `${tenant} agency.mjs`,
  tls: ca ? { caFile: ca } : undefined,
  ignoreAuthErrorAbort: true,
  maxReconnectAttempts: -1, // 断线就一直重连 (for ever)
  reconnectTimeWait: 1000,
});
say(`已连接 (connected): ${server}，${tenant}`);
(async () => {
  for await (const { type, error } of client.status()) {
    if (type === "error") say(`连接出错 (connection): ${error.message}`);
    if (type === "disconnect") say("连接断开 (disconnected)");
    if (type === "reconnect") say("已重新连上 (reconnected)");
  }
})();

const agency = new Agency(client, tenant, new Journal(journal));
process.once("SIGINT", () => {
  say("已停止，没办完的下次接着办 (stopped; what is not done goes on next time)");
  process.exit(0); // 记录已在盘上，随时可停 (the journal is on disk: any moment will do)
});
await agency.run(Number(once));
await client.close();
say(`结束 (end)：办结 (resolved) ${agency.resolved} 件，被退回 (refused) ${agency.refused} 条`);
process.exitCode = agency.refused ? 1 : 0;
