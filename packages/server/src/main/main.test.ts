// The executable as launchers find it: under another name, with the real server behind it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { SERVER_VERSION } from "@myelin/protocol";

const EXECUTABLE = fileURLToPath(new URL("../../bin/myelin-server.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "myelin-main-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Makes `<folder>/<name>/nats-server` and returns its path. */
function script(name: string, text: string): string {
  const path = join(mkdtempSync(join(folder, `${name}-`)), "nats-server");
  writeFileSync(path, `#!/bin/bash\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}

function link(): string {
  const path = join(mkdtempSync(join(folder, "link-")), "nats-server");
  symlinkSync(EXECUTABLE, path);
  return path;
}

const node = process.execPath;
const STARTS: ReadonlyArray<{ how: string; path: () => string }> = [
  { how: "a link", path: link },
  {
    how: "a script that sets MYELIN_PROGRAM_NAME",
    path: () => script("env", `MYELIN_PROGRAM_NAME=nats-server exec "${node}" "${EXECUTABLE}" "$@"`),
  },
  { how: "a script with exec -a", path: () => script("argv0", `exec -a nats-server "${node}" "${EXECUTABLE}" "$@"`) },
];

/** Between looks for a file that another process writes. */
const POLL_MS = 5;

/** @returns What a new connection is greeted with. */
async function greeting(port: number): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  const [bytes] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return bytes.toString();
}

for (const { how, path } of STARTS) {
  test(`${how} called nats-server is one`, { skip: process.platform === "win32" }, async () => {
    const portsDir = mkdtempSync(join(folder, "ports-"));
    const args = [
      "-a",
      "127.0.0.1",
      "-p",
      "-1",
      "--ports_file_dir",
      portsDir,
      "-n",
      "shell-test",
      "-P",
      join(portsDir, "pid"),
    ];
    const child = spawn(path(), args, { stdio: ["ignore", "ignore", "pipe"] });
    const closed = once(child, "close");
    let log = "";
    const ready = new Promise<void>((resolve) => {
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        log += text;
        if (log.includes("Server is ready")) resolve();
      });
    });
    await Promise.race([ready, closed]);
    const port = Number(/connections on 127\.0\.0\.1:(\d+)/.exec(log)?.[1]);
    const info = await greeting(port);
    const portsFile = join(portsDir, `nats-server_${child.pid}.ports`);
    while (!existsSync(portsFile)) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    child.kill("SIGINT");
    await closed;
    assert.equal(child.exitCode, 0);
    assert.match(log, /\[INF\] Starting nats-server\n/);
    assert.match(info, new RegExp(`^INFO .*"server_name":"shell-test","version":"${SERVER_VERSION}"`));
    // Clean leaves: the pid file, which says that the script's process became the server.
    assert.deepEqual(readdirSync(portsDir), ["pid"]);
    assert.equal(readFileSync(join(portsDir, "pid"), "utf8"), String(child.pid));
  });
}
