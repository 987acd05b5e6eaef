// Waiting for conditions in tests.

import { setTimeout as delay } from "node:timers/promises";
import type { NatsConnection } from "../nats-connection.ts";
import type { Status, StatusOf } from "../status.ts";

/** Resolves when `condition` holds; throws after ten seconds. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`waited in vain until ${what}`);
    await delay(2);
  }
}

/** The next status of a type. */
export function nextStatus<Type extends Status["type"]>(nc: NatsConnection, type: Type): Promise<StatusOf<Type>> {
  return new Promise((resolve) => {
    const off = nc.on(type, (status) => {
      off();
      resolve(status);
    });
  });
}
