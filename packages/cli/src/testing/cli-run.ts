// For tests: `myelin` inside this process, with input, output and interrupts of its own. Quicker than a child.

import { EventEmitter, once } from "node:events";
import { PassThrough, Writable } from "node:stream";
import { Interrupts } from "../interrupts.ts";
import { Output } from "../output.ts";
import { run } from "../run.ts";
import type { Ended, RunningCli } from "./cli-process.ts";

/** Keeps what is written, and tells that there is more. */
class Kept extends Writable {
  readonly #news: EventEmitter;
  text = "";

  constructor(news: EventEmitter) {
    super();
    this.#news = news;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString("utf8");
    this.#news.emit("news");
    done();
  }
}

/** A running command line. */
export class CliRun implements RunningCli {
  readonly #news: EventEmitter = new EventEmitter();
  readonly #stdout: Kept = new Kept(this.#news);
  readonly #stderr: Kept = new Kept(this.#news);
  readonly #stdin: PassThrough = new PassThrough();
  readonly #interrupts: Interrupts = new Interrupts();
  readonly #code: Promise<number>;

  constructor(args: readonly string[]) {
    const output = new Output({ stdout: this.#stdout, stderr: this.#stderr });
    this.#code = run(args, { output, stdin: this.#stdin, interrupts: this.#interrupts });
  }

  /** Starts `myelin`. @param env - Only the server, which becomes a flag: the environment is the whole process's. */
  static myelin(args: readonly string[], env: { readonly NATS_URL: string }): CliRun {
    return new CliRun(["--server", env.NATS_URL, ...(args.includes("--context") ? [] : ["--no-context"]), ...args]);
  }

  get stdout(): string {
    return this.#stdout.text;
  }

  get stderr(): string {
    return this.#stderr.text;
  }

  input(text: string | Uint8Array): this {
    this.#stdin.end(text);
    return this;
  }

  /** Any signal is an interrupt here. */
  signal(_name: NodeJS.Signals): this {
    this.#interrupts.interrupt();
    return this;
  }

  async said(text: string): Promise<this> {
    while (!this.stdout.includes(text) && !this.stderr.includes(text)) {
      const isOver = await Promise.race([once(this.#news, "news").then(() => false), this.#code.then(() => true)]);
      if (isOver && !this.stdout.includes(text) && !this.stderr.includes(text)) {
        throw new Error(`myelin ended before it said ${JSON.stringify(text)}:\n${this.stdout}${this.stderr}`);
      }
    }
    return this;
  }

  async ended(): Promise<Ended> {
    const code = await this.#code;
    return { stdout: this.stdout, stderr: this.stderr, code };
  }
}
