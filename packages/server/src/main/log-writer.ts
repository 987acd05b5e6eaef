// The program's logger: nats-server's line format on stderr or in a file.

import type { Clock } from "@myelin/platform";
import type { Logger } from "../logger.ts";
import { backupStamp, type LogLevel, LogLineFormat, type TimeZone, UTC } from "./log-line.ts";
import { DescriptorOutput, FileOutput, type LogOutput } from "./log-output.ts";
import type { LogSettings } from "./run-settings.ts";

/** What a log writer needs to know of the process. */
export interface LogOutside {
  readonly pid: number;
  readonly clock: Clock;
  readonly zone: TimeZone;
  /** Where lines go without a file, and whether that shows colours. */
  readonly stderr: { readonly descriptor: number; readonly colours: boolean };
}

/** Whether DBG and TRC lines are written. */
export interface Verbosity {
  readonly debug: boolean;
  readonly trace: boolean;
}

/** Writes lines. Stateless but for its output; made once for a process. */
export class LogWriter implements Logger {
  #output: LogOutput;
  #format: LogLineFormat;
  #debug: boolean;
  #trace: boolean;

  /** Takes the output as it is; {@link openLogTarget} makes one from settings. */
  constructor(output: LogOutput, format: LogLineFormat, { debug, trace }: Verbosity) {
    this.#output = output;
    this.#format = format;
    this.#debug = debug;
    this.#trace = trace;
  }

  info(text: string): void {
    this.#write("INF", text);
  }

  warn(text: string): void {
    this.#write("WRN", text);
  }

  error(text: string): void {
    this.#write("ERR", text);
  }

  debug(text: string): void {
    if (this.#debug) this.#write("DBG", text);
  }

  trace(text: string): void {
    if (this.#trace) this.#write("TRC", text);
  }

  /** What ends the process; the caller ends it. */
  fatal(text: string): void {
    this.#write("FTL", text);
  }

  /** Which lines are written from now on. */
  set verbosity({ debug, trace }: Verbosity) {
    this.#debug = debug;
    this.#trace = trace;
  }

  /** Writes elsewhere, or in another form, from now on; closes the file that was written to. */
  moveTo({ format, output }: LogTarget): void {
    const before = this.#output;
    this.#output = output;
    this.#format = format;
    if (before instanceof FileOutput) before.close();
  }

  /** Opens the log file again and says how that went. */
  reopen(): void {
    if (!(this.#output instanceof FileOutput)) {
      this.info("File log re-open ignored, not a file logger");
      return;
    }
    try {
      this.#output.reopen();
      this.info("File log re-opened");
    } catch (error) {
      this.error(`File log could not be re-opened, the old file stays in use: ${(error as Error).message}`);
    }
  }

  #write(level: LogLevel, text: string): void {
    this.#output.write(this.#format.line(level, text));
  }
}

/** Where lines go, and how they look there. */
export interface LogTarget {
  readonly output: LogOutput;
  readonly format: LogLineFormat;
}

/**
 * Opens the log that the settings ask for.
 *
 * @throws The platform's error when the log file cannot be opened.
 */
export function openLogTarget(settings: LogSettings, outside: LogOutside): LogTarget {
  const { pid, clock, stderr } = outside;
  const zone = settings.utc ? UTC : outside.zone;
  const style = { pid, clock, zone: settings.time ? zone : null };
  if (settings.file === null) {
    const format = new LogLineFormat({ ...style, colours: stderr.colours });
    return { format, output: new DescriptorOutput(stderr.descriptor) };
  }
  const format = new LogLineFormat({ ...style, colours: false });
  const output = new FileOutput(settings.file, settings.sizeLimitBytes, {
    rotated: (backup) => format.line("INF", `Rotated log, backup saved as ${JSON.stringify(backup)}`),
    failed: (error) => format.line("ERR", `Unable to rotate the log file (${error.message}), will try again`),
    stamp: (attempt) => backupStamp(clock.wallNs() + BigInt(attempt), outside.zone),
  });
  return { format, output };
}
