// For tests: `myelin` (or another program) as a child process, with what it has said so far.

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";

const MYELIN = fileURLToPath(new URL("../../bin/myelin.js", import.meta.url));

/** What a process has done when it has ended. */
export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  /** Null when a signal ended it. */
  readonly code: number | null;
}

/** A running command line, in a process of its own or in this one. */
export interface RunningCli {
  readonly stdout: string;
  readonly stderr: string;
  /** Writes to stdin and closes it. */
  input(text: string | Uint8Array): this;
  signal(name: NodeJS.Signals): this;
  /** Waits until stdout or stderr holds the text. Fails when the program ends before. */
  said(text: string): Promise<this>;
  ended(): Promise<Ended>;
}

/** A running program. Every one must be waited for with `ended`, so that none is left behind. */
export class CliProcess implements RunningCli {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<unknown>;
  readonly #news: EventEmitter = new EventEmitter();
  stdout = "";
  stderr = "";

  /** @param env - Beside a clean environment: no variable of NATS, no folder of contexts. */
  constructor(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const clean = Object.entries(process.env).filter(([name]) => !name.startsWith("NATS_"));
    const home = { HOME: tmpdir(), XDG_CONFIG_HOME: `${tmpdir()}/no-such-folder`, TZ: "UTC", NO_COLOR: "1" };
    this.#child = spawn(program, args, { env: { ...Object.fromEntries(clean), ...home, ...env } });
    this.#closed = once(this.#child, "close");
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      this.#news.emit("news");
    });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
      this.#news.emit("news");
    });
  }

  /** Starts `myelin`. */
  static myelin(args: readonly string[], env?: Readonly<Record<string, string>>): CliProcess {
    return new CliProcess(process.execPath, [MYELIN, ...args], env);
  }

  input(text: string | Uint8Array): this {
    this.#child.stdin.end(text);
    return this;
  }

  signal(name: NodeJS.Signals): this {
    this.#child.kill(name);
    return this;
  }

  async said(text: string): Promise<this> {
    while (!this.stdout.includes(text) && !this.stderr.includes(text)) {
      const isOver = await Promise.race([once(this.#news, "news").then(() => false), this.#closed.then(() => true)]);
      if (isOver)
        throw new Error(`The program ended before it said ${JSON.stringify(text)}:\n${this.stdout}${this.stderr}`);
    }
    return this;
  }

  /** Waits for the end. */
  async ended(): Promise<Ended> {
    await this.#closed;
    return { stdout: this.stdout, stderr: this.stderr, code: this.#child.exitCode };
  }
}

/** Runs `myelin` to its end. */
export function myelin(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended> {
  return CliProcess.myelin(args, env).ended();
}

/** Lines of the log without their times, which differ from run to run. */
export function withoutTimes(log: string): string {
  return log.replace(/^\d\d:\d\d:\d\d /gm, "");
}
