// One line of the log, in the form that tools read:
//
//   [pid] 2026/01/02 15:04:05.000000 [INF] text
//
// A second's part of the stamp is made once a second, so that tracing does not build dates line by line.

import type { Clock } from "@myelin/platform";

/** What kind of line it is. */
export type LogLevel = "INF" | "WRN" | "ERR" | "DBG" | "TRC" | "FTL";

/** Milliseconds to add to UTC, at a moment in milliseconds since 1970. */
export type TimeZone = (wallMs: number) => number;

export const UTC: TimeZone = () => 0;

/** The machine's zone, daylight saving included. */
export const LOCAL_ZONE: TimeZone = (wallMs) => -60_000 * new Date(wallMs).getTimezoneOffset();

/** How lines look. */
export interface LogLineStyle {
  readonly pid: number;
  readonly clock: Clock;
  /** Null: no time on the lines. */
  readonly zone: TimeZone | null;
  /** Whether the level is coloured, for a terminal. */
  readonly colours: boolean;
}

/** Colours by level, as the reference has them (logger/log.go). */
const COLOURS: Readonly<Record<LogLevel, string>> = {
  INF: "32",
  WRN: "0;93",
  ERR: "31",
  DBG: "36",
  TRC: "33",
  FTL: "31",
};

/** Control characters, line feed and tab aside, and what some programs take for the end of a line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]/;

function escapeControls(text: string): string {
  return text.replaceAll(new RegExp(CONTROL, "g"), (character) => {
    const code = character.charCodeAt(0);
    return code > 0xff ? `\\u${code.toString(16)}` : `\\x${code.toString(16).padStart(2, "0")}`;
  });
}

/** Makes lines of one style. */
export class LogLineFormat {
  #style: LogLineStyle;
  #second = Number.NaN;
  #secondText = "";

  constructor(style: LogLineStyle) {
    this.#style = style;
  }

  /**
   * @returns The line with its end. A text of several lines stays as it is; other control characters, which a client may have sent
   *   to play with the terminal of who reads the log, are written as `\x1b`.
   */
  line(level: LogLevel, text: string): string {
    const { pid, colours } = this.#style;
    const label = colours ? `\x1b[${COLOURS[level]}m${level}\x1b[0m` : level;
    return `[${pid}] ${this.#stamp()}[${label}] ${CONTROL.test(text) ? escapeControls(text) : text}\n`;
  }

  #stamp(): string {
    const { clock, zone } = this.#style;
    if (zone === null) return "";
    const wallUs = Number(clock.wallNs() / 1000n);
    const second = Math.floor(wallUs / 1_000_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = dateAndTime(second * 1000 + zone(second * 1000));
    }
    return `${this.#secondText}.${String(wallUs - second * 1_000_000).padStart(6, "0")} `;
  }
}

/** `2026/01/02 15:04:05`, of a moment that has been moved to its zone already. */
function dateAndTime(zonedMs: number): string {
  return new Date(zonedMs).toISOString().slice(0, 19).replaceAll("-", "/").replace("T", " ");
}

/** What a set-aside log file gets after its name: `2026.01.02.15.04.05.000000000`. */
export function backupStamp(wallNs: bigint, zone: TimeZone): string {
  const wallMs = Number(wallNs / 1_000_000n);
  const text = dateAndTime(wallMs + zone(wallMs)).replaceAll(/[/ :]/g, ".");
  return `${text}.${String(wallNs % 1_000_000_000n).padStart(9, "0")}`;
}
