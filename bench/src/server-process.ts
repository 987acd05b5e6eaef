// Starts a server under test, finds out its port, and stops it again.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestAuthority } from "@myelin/testing";
import { type ServerCommand, withFolder, withPort } from "./command.ts";
import { BenchError } from "./errors.ts";
import type { Setup } from "./setups.ts";

const HOST = "127.0.0.1";
const START_MS_MAX = 15_000;
const STOP_MS_MAX = 5_000;
const RETRY_MS = 20;
const KEPT_OUTPUT_CHARS = 4_000;
const LISTENING = /Listening for client connections on \S*:(\d+)/;
const LISTENING_WEBSOCKET = /Listening for websocket clients on \S*:(\d+)/;
const READY = /Server is ready/;

/** A server that answers. */
export interface RunningServer {
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  /** Ends it with SIGTERM, or SIGKILL when that does not help, and waits for that. */
  stop(): Promise<void>;
}

/**
 * Starts a server on a free loopback port and waits until it takes connections.
 * @throws BenchError `NO_SERVER` with the server's last output when it ends or does not become ready.
 */
export async function startServer(command: ServerCommand, setup: Setup): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), "myelin-bench-"));
  const port = command.takesPort ? await freePort() : 0;
  const child = spawnServer(command, port, setup, folder);
  const output = collectOutput(child, setup.webSocket ? LISTENING_WEBSOCKET : LISTENING);
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const stop = async (): Promise<void> => {
    await terminate(child, ended);
    rmSync(folder, { recursive: true, force: true });
  };
  const died = ended.then(() => Promise.reject(new Error("it ended")));
  const giveUp = new AbortController();
  const late = after(START_MS_MAX, giveUp.signal).then(() => Promise.reject(new Error("it took too long")));
  try {
    const ready = command.takesPort ? answering(port, giveUp.signal) : output.port();
    const found = await Promise.race([ready, died, late]);
    return { host: HOST, port: found, pid: child.pid!, stop };
  } catch (cause) {
    await stop();
    const why = cause instanceof Error ? cause.message : String(cause);
    const words = [command.program, ...command.args].join(" ");
    throw new BenchError("NO_SERVER", `${command.name} did not start (${why}): ${words}\n${output.text()}`, { cause });
  } finally {
    giveUp.abort();
    died.catch(() => undefined);
    late.catch(() => undefined);
  }
}

function spawnServer(command: ServerCommand, port: number, setup: Setup, folder: string): ChildProcess {
  const { program, args, environment } = command.takesPort ? withPort(command, port) : command;
  const flags = command.takesPort ? [] : ["-a", HOST, "-p", "-1"];
  const configuration = command.configuration ?? setup.configuration;
  const data = join(folder, "data");
  mkdirSync(data);
  if (configuration !== null) {
    if (command.takesPort)
      throw new BenchError(
        "USAGE",
        `The setup "${setup.name}" needs -c, which ${command.name}'s command does not take.`,
      );
    const file = join(folder, "server.conf");
    writeFileSync(file, withFolder(configuration, data));
    if (setup.tls) writeCertificate(data, setup.keyType ?? "ec");
    flags.push("-c", file);
  }
  const words = args.map((word) => withFolder(word, data));
  const child = spawn(program, [...words, ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  const killWithUs = (): void => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", killWithUs);
  child.once("close", () => process.removeListener("exit", killWithUs));
  return child;
}

function writeCertificate(folder: string, keyType: "ec" | "rsa"): void {
  const { cert, key } = new TestAuthority().issue({ keyType });
  writeFileSync(join(folder, "cert.pem"), cert);
  writeFileSync(join(folder, "key.pem"), key);
}

/** Keeps the end of what a server prints, and looks in it for the port. */
function collectOutput(child: ChildProcess, listening: RegExp): { text(): string; port(): Promise<number> } {
  let text = "";
  let look: () => void = () => undefined;
  const take = (chunk: Buffer): void => {
    text = (text + chunk.toString()).slice(-KEPT_OUTPUT_CHARS);
    look();
  };
  child.stdout?.on("data", take);
  child.stderr?.on("data", take);
  child.once("error", (error) => take(Buffer.from(`${error.message}\n`)));
  return {
    text: () => text,
    port: () =>
      new Promise((resolve) => {
        look = () => {
          const match = listening.exec(text);
          if (match !== null && READY.test(text)) resolve(Number(match[1]));
        };
        look();
      }),
  };
}

/** A port that was free a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, HOST, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** Waits until something at the port sends INFO. */
async function answering(port: number, signal: AbortSignal): Promise<number> {
  while (!signal.aborted && !(await sendsInfo(port))) await after(RETRY_MS, signal);
  return port;
}

function sendsInfo(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, HOST);
    const end = (found: boolean): void => {
      socket.destroy();
      resolve(found);
    };
    socket.once("data", (chunk) => end(chunk.toString().startsWith("INFO ")));
    socket.once("error", () => end(false));
    socket.once("close", () => end(false));
  });
}

async function terminate(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.pid === undefined) return;
  child.kill("SIGTERM");
  const stopWaiting = new AbortController();
  await Promise.race([ended, after(STOP_MS_MAX, stopWaiting.signal).then(() => void child.kill("SIGKILL"))]);
  stopWaiting.abort();
  await ended;
}

/** Resolves after a time, or at once when `signal` says that nobody waits any longer. */
function after(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}
