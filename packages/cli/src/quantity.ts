// Numbers and sizes as people read and write them, in natscli's forms.

import { CliError } from "./cli-error.ts";

const SHIFTS: ReadonlyMap<string, number> = new Map([
  ["", 0],
  ["B", 0],
  ["K", 10],
  ["KB", 10],
  ["KIB", 10],
  ["M", 20],
  ["MB", 20],
  ["MIB", 20],
  ["G", 30],
  ["GB", 30],
  ["GIB", 30],
  ["T", 40],
  ["TB", 40],
  ["TIB", 40],
]);

/**
 * Reads a size: `512`, `1K`, `16KiB`, `2MB`; all units are powers of 1024.
 *
 * @throws CliError for anything else.
 */
export function parseSize(text: string): number {
  const match = /^\s*(\d+)\s*([A-Za-z]*)\s*$/.exec(text);
  const shift = SHIFTS.get((match?.[2] ?? "?").toUpperCase());
  if (match === null || shift === undefined) {
    throw new CliError(
      `invalid size ${JSON.stringify(text)}: write bytes with or without a unit, such as 512, 1K or 2MB`,
    );
  }
  return Number(match[1]) * 2 ** shift;
}

/**
 * Reads a whole number of zero or more.
 *
 * @throws CliError for anything else.
 */
export function parseCount(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new CliError(`invalid number ${JSON.stringify(text)}: write a whole number of 0 or more`);
  }
  return value;
}

/** The same, of one or more. @throws CliError for anything else. */
export function parsePositive(text: string): number {
  const value = parseCount(text);
  if (value === 0) throw new CliError("invalid number 0: write a whole number of 1 or more");
  return value;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Bytes in units of 1024: `8 B`, `1.5 KiB`, `872 MiB`. One digit after the point below ten. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const text = unit > 0 && value < 10 ? (Math.round(value * 10) / 10).toFixed(1) : String(Math.round(value));
  return `${text} ${UNITS[unit]}`;
}

/** A whole number with commas: `1,234,567`. Fractions are cut off. */
export function formatCount(value: number): string {
  return String(Math.trunc(value)).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** A number with commas and at most two digits after the point, cut off and not rounded: `3,571.62`. */
export function formatDecimal(value: number): string {
  const fraction = /\.(\d{1,2})/.exec(value.toFixed(6).replace(/0+$/, ""))?.[1];
  return fraction === undefined ? formatCount(value) : `${formatCount(value)}.${fraction}`;
}
