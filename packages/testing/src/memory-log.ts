// What a server in this process says, kept as lines: `[INF] Server is ready`.

import { type Logger, SILENT_LOGGER } from "@myelin/server";

/** A logger that keeps everything, and passes it on to another. */
export class MemoryLog implements Logger {
  #lines: string[] = [];
  readonly #next: Logger;

  constructor(next: Logger = SILENT_LOGGER) {
    this.#next = next;
  }

  get text(): string {
    return this.#lines.join("");
  }

  clear(): void {
    this.#lines = [];
  }

  info(text: string): void {
    this.#add("INF", text);
    this.#next.info(text);
  }

  warn(text: string): void {
    this.#add("WRN", text);
    this.#next.warn(text);
  }

  error(text: string): void {
    this.#add("ERR", text);
    this.#next.error(text);
  }

  debug(text: string): void {
    this.#add("DBG", text);
    this.#next.debug(text);
  }

  trace(text: string): void {
    this.#add("TRC", text);
    this.#next.trace(text);
  }

  #add(label: string, text: string): void {
    this.#lines.push(`[${label}] ${text}\n`);
  }
}
