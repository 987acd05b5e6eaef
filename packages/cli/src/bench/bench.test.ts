// Benchmarks from the command line, with few messages: what they print, not how fast they are.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startServer, type TestServer } from "@myelin/testing";
import { CliProcess, type Ended, withoutTimes } from "../testing/cli-process.ts";
import { CliRun } from "../testing/cli-run.ts";
import { subjectsOf } from "./subjects.ts";

let server: TestServer;
let folder: string;
before(async () => {
  server = await startServer({ run: "in-process" });
  folder = mkdtempSync(join(tmpdir(), "myelin-bench-"));
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const open = (args: string[]): CliRun => CliRun.myelin(["bench", ...args], { NATS_URL: server.url });
const bench = (args: string[]): Promise<Ended> => open(args).ended();

/** Numbers and sizes replaced by #, so that the form is left. */
function form(text: string): string {
  return text.replace(/[\d,]+(\.\d+)?/g, "#").replace(/# [KMGT]?i?B\/sec/g, "# B/sec");
}

const SPEED = "# msgs/sec ~ # B/sec";
const LATENCIES = "min: #us ~ avg: #us ~ max: #us ~ P#: #us ~ P#: #us ~ P#: #us ~ P#: #us";

test("bench pub and bench sub print natscli's lines, and CSV", async () => {
  const csv = (name: string): string => join(folder, name);
  const args = ["sub", "a", "--clients", "2", "--msgs", "700", "--size", "16", "--csv", csv("s.csv")];
  const reader = await open(args).said("[2] Starting");
  const sent = await bench(["pub", "a", "--clients", "2", "--msgs", "701", "--size", "16", "--csv", csv("p.csv")]);
  const received = await reader.ended();
  assert.deepEqual([sent.code, received.code], [0, 0], sent.stderr + received.stderr);
  assert.equal(
    withoutTimes(sent.stderr),
    "Starting Core NATS publisher benchmark [clients=2, msg-size=16 B, msgs=701, multi-subject=false, " +
      "multi-subject-max=100,000, multi-subject-randomize=false, sleep=0s, subject=a]\n" +
      "[1] Starting Core NATS publisher, publishing 351 messages\n" +
      "[2] Starting Core NATS publisher, publishing 350 messages\n",
  );
  assert.equal(
    form(sent.stdout.replaceAll(folder, "")),
    `\n  [#] ${SPEED} ~ ${LATENCIES} (# msgs)\n  [#] ${SPEED} ~ ${LATENCIES} (# msgs)\n\n` +
      ` NATS Core NATS publisher aggregated stats: ${SPEED}\n message rates min # | avg # | max # | stddev # msgs\n` +
      " latencies per operation min #us | avg #us | max #us | stddev #us | P# #us | P# #us | P# #us | P#: #us\n\n" +
      "Saved metric data in csv file /p.csv\n",
  );
  assert.match(received.stdout, / NATS Core NATS subscriber aggregated stats: [\d,]+ msgs\/sec ~ /);
  const rows = (name: string): string[][] =>
    readFileSync(csv(name), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => line.split(","));
  assert.deepEqual(
    rows("s.csv").map((row) => row.slice(1, 4)),
    [
      ["ClientID", "MsgCount", "MsgBytes"],
      ["S0", "700", "11200"],
      ["S1", "700", "11200"],
    ],
  );
  assert.deepEqual(
    rows("p.csv").map((row) => row.length),
    [15, 15, 15],
  );
});

test("bench service request measures what bench service serve answers", async () => {
  const service = open(["service", "serve", "svc", "--clients", "2"]);
  await service.said("[2] Starting Core NATS service server, hit control-c to stop");
  const one = await bench(["service", "request", "svc", "--msgs", "20", "-H", "A:b"]);
  assert.equal(form(one.stdout), `\nNATS Core NATS service requester stats: ${SPEED} ~ ${LATENCIES}\n\n`);
  const json = JSON.parse(
    (await bench(["service", "request", "svc", "--msgs", "9", "--clients", "2", "-j"])).stdout,
  ) as {
    msgs: number;
    clients: Array<{ msgs: number; latency_us: { p99: number } }>;
  };
  assert.deepEqual([json.msgs, json.clients.map(({ msgs }) => msgs)], [9, [5, 4]]);
  assert.ok(json.clients.every(({ latency_us }) => latency_us.p99 > 0));
  assert.equal((await service.signal("SIGINT").ended()).code, 0);
});

test("bench pub --multisubject sends to numbered subjects, which bench sub --multisubject receives", async () => {
  const reader = CliRun.myelin(["sub", "m.*", "--subjects-only", "--count", "4"], { NATS_URL: server.url });
  await reader.said("Subscribing on");
  const receiver = await open(["sub", "m", "--multisubject", "--msgs", "4"]).said("[1] Starting");
  await bench(["pub", "m", "--multisubject", "--multisubjectmax", "3", "--msgs", "4", "--sleep", "10us"]);
  const subjects = [...(await reader.ended()).stdout.matchAll(/"(m\.\d)"/g)].map(([, subject]) => subject);
  assert.deepEqual(subjects, ["m.0", "m.1", "m.2", "m.0"]);
  assert.equal((await receiver.ended()).code, 0);
});

test("subjectsOf() gives all numbers as many digits", () => {
  const options = { multisubject: true, multisubjectmax: 100 };
  assert.equal(subjectsOf("a", options)(107), "a.007");
  assert.equal(subjectsOf("a", { ...options, multisubjectmax: 0 })(107), "a.107");
  assert.match(subjectsOf("a", { ...options, multisubjectrandomize: true })(1), /^a\.0\d\d$/);
  assert.equal(subjectsOf("a", { multisubjectmax: 5 })(7), "a");
});

test("bench js is refused by name, and requests that nobody answers end with 1", async () => {
  assert.match(
    (await bench(["js", "pub", "x"])).stderr,
    /^myelin: error: bench js is not supported yet: it needs JetStream\n$/,
  );
  const { code, stderr } = await bench(["service", "request", "nobody", "--msgs", "3"]);
  assert.equal(code, 1);
  assert.match(stderr, /myelin: error: no responders/);
});

test("bench ends with 1 when it is interrupted", async () => {
  const reader = CliProcess.myelin(["bench", "sub", "never"], { NATS_URL: server.url });
  await reader.said("[1] Starting");
  const { code, stderr } = await reader.signal("SIGINT").ended();
  assert.deepEqual([code, stderr.split("\n").at(-2)], [1, "myelin: error: interrupted"]);
});
