// The options of a server under test as a configuration file, which Myelin and nats-server read alike.

import type { TargetOptions } from "./target.ts";

/** Directives that stand in the `authorization` block: option name to directive. */
const AUTHORIZATION = new Map([
  ["user", "user"],
  ["pass", "password"],
  ["token", "token"],
  ["auth_timeout", "timeout"],
]);

/** The option whose value is text of the file, as it is. */
export const TEXT_OPTION = "configuration";

/** The text of the file. */
export function configurationOf(options: TargetOptions): string {
  const lines: string[] = [];
  const authorization: string[] = [];
  for (const [name, value] of options) {
    if (name === TEXT_OPTION) {
      lines.push(value);
      continue;
    }
    const directive = AUTHORIZATION.get(name);
    if (directive === undefined) lines.push(`${name}: ${value}`);
    else authorization.push(`  ${directive}: ${directive === "timeout" ? value : JSON.stringify(value)}`);
  }
  if (authorization.length > 0) lines.push("authorization {", ...authorization, "}");
  return `${lines.join("\n")}\n`;
}
