import assert from "node:assert/strict";
import { test } from "node:test";
import { type Processes, sendSignal } from "./signal-command.ts";

/** Processes 7 (ours), 11, 12 and 21, one pid file, and no real signal. */
function processes(found: readonly number[] | null): Processes & { sent: string[] } {
  const sent: string[] = [];
  return {
    sent,
    ownPid: 7,
    readFile: (path) => (path === "/run/a.pid" ? "11" : path === "/run/echoed.pid" ? "12\n" : null),
    find: () => found,
    signal: (pid, signal) => {
      if (pid === 99) throw Object.assign(new Error("kill ESRCH"), { code: "ESRCH" });
      sent.push(`${signal} ${pid}`);
    },
  };
}

const SENT: ReadonlyArray<{ request: string; found?: readonly number[]; sent: string[] }> = [
  { request: "ldm=11", sent: ["SIGUSR2 11"] },
  { request: "stop=11", sent: ["SIGKILL 11"] },
  { request: "quit=11", sent: ["SIGINT 11"] },
  { request: "term=11", sent: ["SIGTERM 11"] },
  { request: "reopen=11", sent: ["SIGUSR1 11"] },
  { request: "reload=11", sent: ["SIGHUP 11"] },
  { request: "term=/run/a.pid", sent: ["SIGTERM 11"] },
  { request: "term=/run/echoed.pid", sent: ["SIGTERM 12"] },
  { request: "term", found: [7, 21], sent: ["SIGTERM 21"] },
  { request: "term=", found: [21], sent: ["SIGTERM 21"] },
  { request: "term=1*", found: [7, 11, 12, 21], sent: ["SIGTERM 11", "SIGTERM 12"] },
  { request: "term=*", found: [11, 21], sent: ["SIGTERM 11", "SIGTERM 21"] },
];

for (const { request, found, sent } of SENT) {
  test(`sendSignal() ${request}`, () => {
    const world = processes(found ?? null);
    sendSignal(request, "nats-server", world);
    assert.deepEqual(world.sent, sent);
  });
}

const REFUSED: ReadonlyArray<{ request: string; found?: readonly number[]; message: string }> = [
  { request: "bogus=11", message: 'unknown signal "bogus"' },
  { request: "term=11=12", message: "invalid signal parameters: [12]" },
  { request: "term=/nowhere", message: "invalid pid: /nowhere" },
  { request: "term=x*", message: "invalid pid: x" },
  { request: "term=0", message: "invalid pid: 0" },
  { request: "term=-1", message: "invalid pid: -1" },
  { request: "term=99", message: '\nsignal "term" 99: no such process' },
  { request: "term", message: "unable to resolve pid, try providing one" },
  { request: "term", found: [7], message: "no nats-server processes running" },
  { request: "term", found: [7, 11, 12], message: "multiple nats-server processes running:\n11\n12" },
];

for (const { request, found, message } of REFUSED) {
  test(`sendSignal() refuses ${request} with ${JSON.stringify(found ?? "nothing")} found`, () => {
    const world = processes(found ?? null);
    assert.throws(() => sendSignal(request, "nats-server", world), { code: "SIGNAL_NOT_SENT", message });
    assert.deepEqual(world.sent, []);
  });
}
