// A server under test as a child process: Myelin's program or any nats-server binary. Slower than one in the test's process, and
// the only way to test what a process does: signals, `kill -9`, another implementation.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NodeClock } from "@myelin/platform/node";
import { type Duration, durationMs, TestClock } from "@myelin/platform/sim";
import { type Credentials, ownCredentials, urlWithCredentials } from "../client-url.ts";
import { NotSupportedError, ServerStartError } from "../errors.ts";
import { FaultProxy } from "../fault-proxy.ts";
import { NO_PORTS, parsePortsFile, type ServerPorts } from "../server-ports.ts";
import type { CommonOptions, ServerSignal, TestServer } from "../test-server.ts";
import { type WaitOptions, waitFor } from "../wait-for.ts";
import { Guard } from "./guard.ts";
import { launchOf } from "./launch.ts";

/** Options of a server as a child process. */
export type ChildOptions = CommonOptions & {
  /** Path of a `nats-server`; Myelin's own program when absent. */
  readonly program?: string;
  /** JetStream, with its data in the server's folder. */
  readonly jetstream?: boolean;
  /** More flags, behind those that the harness gives. */
  readonly args?: readonly string[];
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Time to start; 10 s when absent. */
  readonly startTimeout?: Duration;
  /** Time to stop in good order, before it is killed; 10 s when absent. */
  readonly stopTimeout?: Duration;
};

const START_TIMEOUT_MS = 10_000;
const STOP_TIMEOUT_MS = 10_000;

/** A server as a child process; see {@link TestServer}. Does nothing before {@link start}. */
export class ChildServer implements TestServer {
  readonly kind = "child";
  readonly #options: ChildOptions;
  readonly #proxies: Set<FaultProxy> = new Set();
  #folder: string | null = null;
  #guard: Guard | null = null;
  #process: ChildProcess | null = null;
  #exited: Promise<void> = Promise.resolve();
  #isPaused = false;
  #log = "";
  /** Where the log of the process that runs now begins. */
  #logStart = 0;
  #port: number;
  #ports: ServerPorts = NO_PORTS;
  #scheme: "nats" | "tls" = "nats";
  #startMs = 0;

  constructor(options: ChildOptions = {}) {
    this.#options = options;
    this.#port = options.port === 0 ? -1 : (options.port ?? -1);
  }

  get id(): string {
    return this.#logged(/ ID: +(\S+)/);
  }

  get name(): string {
    return this.#options.serverName ?? this.#logged(/ Name: +(\S+)/);
  }

  get host(): string {
    return this.#options.host ?? "127.0.0.1";
  }

  get port(): number {
    return this.#port;
  }

  get ports(): ServerPorts {
    return this.#ports;
  }

  get url(): string {
    const host = this.host === "0.0.0.0" || this.host === "::" ? "127.0.0.1" : this.host;
    return `${this.#scheme}://${host.includes(":") ? `[${host}]` : host}:${this.#port}`;
  }

  get pid(): number {
    return this.#running().pid as number;
  }

  get isRunning(): boolean {
    return this.#process !== null;
  }

  get log(): string {
    return this.#log;
  }

  /** The server's own folder: its data, ports file and configuration. Removed by {@link close}, or when this process ends. */
  get folder(): string {
    if (this.#folder === null) throw new Error("The server was not started yet, or is closed: await start()");
    return this.#folder;
  }

  /** Time from the start of the process until it was ready, in milliseconds. */
  get startMs(): number {
    return this.#startMs;
  }

  urlWith(credentials: Credentials | null = ownCredentials(this.#options)): string {
    return urlWithCredentials(this.url, credentials);
  }

  async start(): Promise<void> {
    if (this.isRunning) return;
    this.#folder ??= mkdtempSync(join(tmpdir(), "myelin-testing-"));
    this.#guard ??= new Guard(this.#folder);
    const beganMs = performance.now();
    const child = this.#spawn(this.#folder, this.#guard);
    try {
      await this.#untilReady(child, this.#folder);
    } catch (error) {
      await this.kill();
      throw error;
    }
    this.#startMs = performance.now() - beganMs;
    this.#rest();
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (child === null) return;
    await this.resume();
    keepProcessFor(child);
    child.kill("SIGTERM");
    const stopMs = durationMs(this.#options.stopTimeout ?? STOP_TIMEOUT_MS);
    const killer = setTimeout(() => child.kill("SIGKILL"), stopMs);
    await this.#exited;
    clearTimeout(killer);
  }

  async kill(): Promise<void> {
    const child = this.#process;
    if (child === null) return;
    keepProcessFor(child);
    child.kill("SIGKILL");
    await this.#exited;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async pause(): Promise<void> {
    const { pid } = this;
    await this.signal("SIGSTOP");
    this.#isPaused = true;
    // A signal takes a moment to get there; where the system tells, that is waited for.
    if (process.platform === "linux") {
      await waitFor(() => /^State:\tT/m.test(readFileSync(`/proc/${pid}/status`, "utf8")), {
        what: "the process to stop",
      });
    }
  }

  async resume(): Promise<void> {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    await this.signal("SIGCONT");
  }

  async lameDuck(): Promise<void> {
    const child = this.#running();
    keepProcessFor(child);
    await this.signal("SIGUSR2");
    await this.#exited;
  }

  signal(signal: ServerSignal): Promise<void> {
    this.#running().kill(signal);
    return Promise.resolve();
  }

  async reset(): Promise<void> {
    for (const proxy of this.#proxies) proxy.faults.clear();
    await this.stop();
    if (this.#folder !== null) rmSync(join(this.#folder, "data"), { recursive: true, force: true });
    this.#log = "";
    await this.start();
  }

  async close(): Promise<void> {
    await this.stop();
    await Promise.all(Array.from(this.#proxies, (proxy) => proxy.close()));
    this.#proxies.clear();
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    this.#folder = null;
    await this.#guard?.dismiss();
    this.#guard = null;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async waitForLog(pattern: RegExp, options: WaitOptions = {}): Promise<RegExpExecArray> {
    return waitFor(() => pattern.exec(this.log), { what: `${pattern} in the log`, ...options });
  }

  async proxy(): Promise<FaultProxy> {
    const proxy = await FaultProxy.open(this, new TestClock(new NodeClock()));
    this.#proxies.add(proxy);
    return proxy;
  }

  get clock(): never {
    throw new NotSupportedError(
      "NOT_IN_CHILD_PROCESS",
      "The time of another process cannot be moved: run the server in the test process",
    );
  }

  get faults(): never {
    throw new NotSupportedError(
      "NOT_IN_CHILD_PROCESS",
      "The connections of another process cannot be broken directly: give the client the URL of a proxy()",
    );
  }

  connectInProcess(): never {
    throw new NotSupportedError(
      "NOT_IN_CHILD_PROCESS",
      "A server in another process has only sockets: connect to its url, or run it in the test process",
    );
  }

  #spawn(folder: string, guard: Guard): ChildProcess {
    const {
      args = [],
      configFile = null,
      configText = null,
      env,
      jetstream = false,
      program = null,
      startTimeout: _start,
      stopTimeout: _stop,
      ...options
    } = this.#options;
    const launch = launchOf({
      program,
      options,
      jetstream,
      configFile,
      configText,
      args,
      port: this.#port,
      folder,
    });
    if (launch.config !== null) writeFileSync(launch.config.path, launch.config.text);
    this.#logStart = this.#log.length;
    const child = spawn(launch.command, launch.args, {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process = child;
    for (const output of [child.stdout, child.stderr]) {
      output.setEncoding("utf8");
      output.on("data", (text: string) => {
        this.#log += text;
      });
    }
    this.#exited = new Promise((resolve) => {
      const gone = (): void => {
        if (this.#process !== child) return;
        this.#process = null;
        this.#isPaused = false;
        guard.forget();
        resolve();
      };
      child.on("error", (error) => {
        this.#log += `${error.message}\n`;
        if (child.pid === undefined) gone();
      });
      // Not "exit": what it said last is still in the pipe then.
      child.on("close", gone);
    });
    if (child.pid !== undefined) guard.watch(child.pid);
    return child;
  }

  async #untilReady(child: ChildProcess, folder: string): Promise<void> {
    const timeoutMs = durationMs(this.#options.startTimeout ?? START_TIMEOUT_MS);
    const untilMs = performance.now() + timeoutMs;
    for (;;) {
      if (this.#process !== child) throw this.#startError("The server ended before it was ready");
      const file = portsFileIn(folder, child.pid);
      const ports = parsePortsFile(file);
      const port = ports.nats[0];
      if (port !== undefined) {
        this.#ports = ports;
        this.#scheme = schemeIn(file);
        this.#port = port;
        return;
      }
      if (performance.now() > untilMs) throw this.#startError(`The server was not ready after ${timeoutMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  #startError(problem: string): ServerStartError {
    return new ServerStartError(problem, this.#log.slice(this.#logStart));
  }

  /** A server that nobody stops must not keep the test process: its guard ends it then. */
  #rest(): void {
    const child = this.#process;
    if (child === null) return;
    child.unref();
    for (const output of outputsOf(child)) output.unref();
  }

  #running(): ChildProcess {
    if (this.#process === null) throw new Error("The server does not run: await start()");
    return this.#process;
  }

  #logged(pattern: RegExp): string {
    return pattern.exec(this.#log.slice(this.#logStart))?.[1] ?? "";
  }
}

/** Somebody waits for its end, which is known when its output has ended, too: until then there is work. */
function keepProcessFor(child: ChildProcess): void {
  child.ref();
  for (const output of outputsOf(child)) output.ref();
}

function outputsOf({ stdout, stderr }: ChildProcess): Socket[] {
  return [stdout, stderr].filter((output) => output !== null) as Socket[];
}

/** The ports file of a process; one without ports before it has written it. */
function portsFileIn(folder: string, pid: number | undefined): string {
  const name = readdirSync(folder).find((entry) => entry.endsWith(`_${pid}.ports`));
  if (name === undefined) return "{}";
  const text = readFileSync(join(folder, name), "utf8");
  return text === "" ? "{}" : text; // nats-server makes the file first, and then writes it
}

/** How clients connect to what a ports file names. */
function schemeIn(portsFile: string): "nats" | "tls" {
  return portsFile.includes('"tls://') ? "tls" : "nats";
}
