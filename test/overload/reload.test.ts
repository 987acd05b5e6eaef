// A hundred SIGHUPs while messages flow, with files that are right and files that are wrong: nobody who still fits is closed,
// nothing is lost, and who is gone from the file is gone from the server.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type ChildServer, RawClient, startServer, waitFor } from "@myelin/testing";
import { findReferenceServer } from "../support/reference-server.ts";

const RELOADS = 100;
const BATCH = 50;

/** A file of one round. Every fifth cannot be used, in one of two ways. */
function configuration(round: number): string {
  const wrong = round % 10 === 5 ? "nonsense: 1" : round % 10 === 0 && round > 0 ? "server_name: other" : "";
  return `
    max_payload: ${1_000 + round}
    ping_interval: "${60 + round}s"
    accounts { A { users: [
      { user: reader, password: p, permissions: { subscribe: ["load", "round.${round}"] } }
      { user: writer, password: p }
      { user: guest${round}, password: p }
    ] }, B${round} {} }
    ${wrong}
    `;
}

function isRight(round: number): boolean {
  return round % 5 !== 0;
}

for (const { name, program } of [
  { name: "myelin", program: null },
  { name: "nats-server", program: findReferenceServer() },
]) {
  const skip = name === "nats-server" && program === null ? "no nats-server: set REFERENCE_SERVER" : false;
  test(`${RELOADS} reloads of ${name} under load`, { skip, timeout: 60_000 }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "myelin-reloads-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const configFile = join(folder, "server.conf");
    writeFileSync(configFile, configuration(1));
    const options = { run: "child", configFile, ...(program !== null && { program }) } as const;
    await using server = await startServer(options);

    const reader = await clientOf(server, "reader");
    reader.send("SUB load 1\r\nPING\r\n");
    await reader.expect(/PONG\r\n/);
    const writer = await clientOf(server, "writer");
    let guest = await clientOf(server, "guest1");
    let sent = 0;
    let received = 0;
    for (let round = 2; round < RELOADS; round++) {
      let batch = "";
      for (let i = 0; i < BATCH; i++) batch += `PUB load 6\r\n${String(sent++).padStart(6, "0")}\r\n`;
      writer.send(batch);
      await reload(server, configFile, configuration(round), isRight(round));
      if (isRight(round)) {
        await guest.ended();
        guest = await clientOf(server, `guest${round}`);
      }
      received = await take(reader, received, sent);
    }
    assert.equal(received, sent);
    assert.deepEqual([reader.isEnded, writer.isEnded, guest.isEnded], [false, false, false]);
    for (const client of [reader, writer, guest]) client.close();
  });
}

async function clientOf(server: ChildServer, user: string): Promise<RawClient> {
  const client = await RawClient.connect(server.url);
  await client.handshake({ user, pass: "p" });
  return client;
}

async function reload(server: ChildServer, path: string, text: string, isUsable: boolean): Promise<void> {
  const from = server.log.length;
  writeFileSync(path, text);
  await server.signal("SIGHUP");
  const outcome = await waitFor(() => /Reloaded server configuration|Failed to reload/.exec(server.log.slice(from)), {
    what: "the end of the reload",
  });
  assert.equal(outcome[0] === "Reloaded server configuration", isUsable, server.log.slice(from));
}

/** Takes messages up to the last that was sent, and sees that none is missing. */
async function take(reader: RawClient, from: number, to: number): Promise<number> {
  let next = from;
  for (; next < to; next++) {
    const [, number] = await reader.expect(/^MSG load 1 6\r\n(\d+)\r\n/m);
    assert.equal(Number(number), next);
  }
  return next;
}
