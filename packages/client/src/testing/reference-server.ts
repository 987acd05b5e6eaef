// Starts the reference server as a child process for tests. The one file that knows how; the testing package takes its place.
//
// The binary is $REFERENCE_SERVER, or nats-server on the PATH. Without one the tests that need it are skipped, aloud.

import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** Where the binary is; null when there is none. */
export const referenceBinary: string | null = findBinary();

/** For `test(name, { skip: skipWithoutServer }, ...)`. */
export const skipWithoutServer: string | false =
  referenceBinary === null ? "no reference server: set REFERENCE_SERVER or put nats-server on the PATH" : false;

/** How to start it. */
export interface ReferenceOptions {
  /** Text of a configuration file. */
  config?: string;
  args?: string[];
  /** -1, the default, picks a free one. */
  port?: number;
}

interface Ports {
  nats?: string[];
  websocket?: string[];
}

/** A running server. `await using` stops it. */
export class ReferenceServer implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #options: ReferenceOptions;
  readonly port: number;
  readonly webSocketPort: number;

  private constructor(child: ChildProcess, folder: string, options: ReferenceOptions, ports: Ports) {
    this.#child = child;
    this.#folder = folder;
    this.#options = options;
    this.port = portOf(ports.nats);
    this.webSocketPort = portOf(ports.websocket);
  }

  get url(): string {
    return `127.0.0.1:${this.port}`;
  }

  static async start(options: ReferenceOptions = {}): Promise<ReferenceServer> {
    if (referenceBinary === null) throw new Error(String(skipWithoutServer));
    const folder = await mkdtemp(join(tmpdir(), "client-test-"));
    const args = [
      "-a",
      "127.0.0.1",
      "-p",
      String(options.port ?? -1),
      "--ports_file_dir",
      folder,
      ...(options.args ?? []),
    ];
    if (options.config !== undefined) {
      await writeFile(join(folder, "server.conf"), options.config);
      args.push("-c", join(folder, "server.conf"));
    }
    const child = spawn(referenceBinary, args, { stdio: ["ignore", "ignore", "pipe"] });
    let log = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      log = (log + text).slice(-4096);
    });
    try {
      return new ReferenceServer(child, folder, options, await readPorts(child, folder, () => log));
    } catch (error) {
      child.kill("SIGKILL");
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Kills it and starts another on the same port. */
  async restart(): Promise<ReferenceServer> {
    await this.stop();
    return ReferenceServer.start({ ...this.#options, port: this.port });
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child.exitCode === null && child.signalCode === null) {
      const exited = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await exited;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** The server writes its ports into a file when it is ready. */
async function readPorts(child: ChildProcess, folder: string, log: () => string): Promise<Ports> {
  for (;;) {
    const name = (await readdir(folder)).find((entry) => entry.endsWith(".ports"));
    const text = name === undefined ? "" : await readFile(join(folder, name), "utf8");
    if (text.trimEnd().endsWith("}")) return JSON.parse(text) as Ports;
    if (child.exitCode !== null) throw new Error(`the reference server exited: ${log()}`);
    await delay(5);
  }
}

function portOf(urls: string[] | undefined): number {
  const first = urls?.[0];
  return first === undefined ? 0 : Number(new URL(first).port);
}

function findBinary(): string | null {
  const named = process.env["REFERENCE_SERVER"];
  const candidates = (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, "nats-server"));
  for (const path of named === undefined ? candidates : [named]) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue; // not there: try the next
    }
  }
  return null;
}
