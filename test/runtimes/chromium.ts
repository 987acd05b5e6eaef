// Chromium as tests use it: the one of the system, headless, with an empty profile that goes with it.

import { type Browser, chromium } from "playwright-core";
import { findProgram } from "../support/find-program.ts";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // The certificates of tests are from nobody whom the system knows.
  "--ignore-certificate-errors",
];

/**
 * The path of Chromium: `CHROMIUM`, or `chromium` on the PATH or in /usr/bin.
 *
 * @returns Null when there is none.
 */
export function findChromium(): string | null {
  return findProgram("CHROMIUM", "chromium", ["/usr/bin"]);
}

/** Starts Chromium in a new profile. Whoever started it closes it, which removes the profile. */
export function startChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, headless: true, args: FLAGS });
}
