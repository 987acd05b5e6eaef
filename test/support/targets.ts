// The servers that tests can be run against here: Myelin always, the reference when the machine has it.

import { test } from "node:test";
import { findReferenceServer, ReferenceServer } from "./reference-server.ts";
import type { Target } from "./target.ts";

/**
 * Calls `declare` for every server that is here, and says aloud which one is not.
 *
 * @param what - Names what is skipped.
 * @param myelin - Myelin, in the form that the tests want.
 */
export function forEveryTarget(what: string, myelin: Target, declare: (target: Target) => void): void {
  declare(myelin);
  const program = findReferenceServer();
  if (program === null) {
    test(`${what} against nats-server`, { skip: "no nats-server: set REFERENCE_SERVER or put it on the PATH" });
  } else {
    declare(new ReferenceServer(program));
  }
}
