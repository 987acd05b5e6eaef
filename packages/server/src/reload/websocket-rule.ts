// What a reload does with WebSocket: certificates, and what else TLS is made of, may change; nothing else. The reference shows the
// whole block in its refusal, passwords too; here it is what has changed, and of secrets only that they have.

import { isDeepStrictEqual } from "node:util";
import type { WebSocketOptions } from "../websocket-options.ts";
import { refusal } from "./refusal.ts";
import type { ReloadRule } from "./rules.ts";

/** Options whose values are not shown. Headers may hold anything. */
const SECRETS: ReadonlySet<string> = new Set(["user", "pass", "token", "headers"]);

/** The rule for `webSocket`. */
export const WEBSOCKET_RULE: ReloadRule = {
  refuses: (next, current) => refuse(next.webSocket, current.webSocket),
  tells: () => [],
};

function refuse(next: WebSocketOptions | undefined, current: WebSocketOptions | undefined): readonly string[] {
  const [wanted, now] = [fixedOf(next), fixedOf(current)];
  const changed = Object.keys({ ...now, ...wanted }).filter((name) => !isDeepStrictEqual(wanted[name], now[name]));
  const show = (values: Readonly<Record<string, unknown>>): string =>
    `{${changed.map((name) => `${name}:${SECRETS.has(name) ? "[REDACTED]" : JSON.stringify(values[name])}`).join(" ")}}`;
  return changed.length === 0 ? [] : [refusal("Websocket", show(now), show(wanted))];
}

/** What cannot change. Of TLS that is whether there is any, whether certificates say who a client is, and the pins. */
function fixedOf(options: WebSocketOptions | undefined): Readonly<Record<string, unknown>> {
  if (options === undefined) return {};
  const { tls, ...others } = options;
  return { ...others, tls: tls !== null, verifyAndMap: tls?.map ?? false, pinnedCerts: tls?.pinnedCerts ?? null };
}
