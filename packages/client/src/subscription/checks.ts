// Checks of what is given to subscriptions and requests.

import { InvalidArgumentError } from "../errors.ts";
import type { PendingOptions } from "./options.ts";

/** @throws InvalidArgumentError unless it is a number above zero. */
export function checkAboveZero(name: string, value: number): void {
  if (Number.isFinite(value) && value > 0) return;
  throw new InvalidArgumentError(`'${name}' must be greater than 0, and is ${value}`);
}

/** @throws InvalidArgumentError unless it is a whole number above zero, such as can be written on the wire. */
export function checkCount(name: string, value: number): void {
  checkAboveZero(name, value);
  if (Number.isSafeInteger(value)) return;
  throw new InvalidArgumentError(`'${name}' must be a whole number up to 2^53 - 1, and is ${value}`);
}

/** @throws InvalidArgumentError for a limit of zero or none, and an unknown policy. */
export function checkedLimits(limits: Required<PendingOptions>): Required<PendingOptions> {
  for (const name of ["msgs", "bytes"] as const) {
    const value = limits[name];
    if (typeof value === "number" && Number.isFinite(value) && value !== 0) continue;
    throw new InvalidArgumentError(`'pending.${name}' must be above 0, or negative for no limit, and is ${value}`);
  }
  if (limits.policy !== "drop" && limits.policy !== "pause") {
    throw new InvalidArgumentError(`'pending.policy' must be 'drop' or 'pause', and is '${String(limits.policy)}'`);
  }
  return limits;
}
