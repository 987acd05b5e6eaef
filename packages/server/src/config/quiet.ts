// Values that ask for nothing: `tls_x: false`, `routes: []`, `jetstream: disabled`. A directive that is not supported yet is no
// mistake with such a value, because the server does what it says.

import type { ConfigValue } from "./value.ts";

/** Directives with values of their own that mean nothing, or whose empty value means something. */
const OF_ITS_OWN: Readonly<Record<string, (value: ConfigValue) => boolean>> = {
  jetstream: (value) => isWord(value, "disabled", "disable") || isOff(value) || entryIsOff(value, "enabled", "enable"),
  // An empty block switches TLS on.
  tls: isOff,
  resolver_tls: isOff,
  mqtt: hasNoListener,
  write_timeout: (value) => isWord(value, "default"),
};

/** Whether a server without the directive does what the value says. */
export function asksForNothing(directive: string, value: ConfigValue): boolean {
  return (OF_ITS_OWN[directive] ?? isEmpty)(value);
}

function isOff(value: ConfigValue): boolean {
  return value.kind === "boolean" && !value.value;
}

function isEmpty(value: ConfigValue): boolean {
  switch (value.kind) {
    case "string":
      return value.value === "";
    case "integer":
      return value.value === 0n;
    case "array":
      return value.items.length === 0;
    case "map":
      return value.entries.size === 0;
    default:
      return isOff(value);
  }
}

function isWord(value: ConfigValue, ...words: readonly string[]): boolean {
  return value.kind === "string" && words.includes(value.value.toLowerCase());
}

function entryIsOff(value: ConfigValue, ...names: readonly string[]): boolean {
  return (
    value.kind === "map" &&
    [...value.entries.values()].some((entry) => names.includes(entry.key.toLowerCase()) && isOff(entry.value))
  );
}

/** Without a port this listener does not listen. */
function hasNoListener(value: ConfigValue): boolean {
  if (value.kind !== "map") return false;
  const listens = [...value.entries.values()].filter(({ key }) => /^(?:port|listen)$/i.test(key));
  return listens.every((entry) => isEmpty(entry.value));
}
