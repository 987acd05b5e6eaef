// Reads what a configuration says about OCSP: stapling, the check of client certificates, and the cache of that.

import { isWebUrl, OCSP_MODES, type OcspMode, type OcspOptions, type OcspPeerOptions } from "../tls/ocsp/settings.ts";
import { OCSP, OCSP_CACHE, OCSP_PEER } from "./directives/tls-blocks.ts";
import { parseDuration } from "./duration.ts";
import type { Problems } from "./problem.ts";
import { badValue, booleanOf, stringOf } from "./readers.ts";
import type { Setter, Setting } from "./setters.ts";
import { type ConfigValue, type Entry, kindText, type MapValue } from "./value.ts";

/** By the path of the directive. */
export const OCSP_SETTERS: Readonly<Record<string, Setter>> = {
  ocsp: (setting) => setting.draft.option("ocsp", readOcsp(setting), setting.entry.value.span),
  ocsp_cache: readCache,
};

function readOcsp({ entry, problems, usable }: Setting): OcspOptions {
  let mode: OcspMode = "auto";
  let urls: readonly string[] = [];
  if (entry.value.kind === "boolean") return { mode: entry.value.value ? "auto" : "never", urls };
  for (const { directive, entry: inner } of usable(entry.value as MapValue, OCSP)) {
    if (directive.name === "mode") {
      const given = stringOf(inner.value).toLowerCase();
      const known = OCSP_MODES.find((each) => each === given);
      if (known !== undefined) mode = known;
      else {
        const problem = `error parsing ocsp config: unsupported ocsp mode ${JSON.stringify(stringOf(inner.value))}`;
        badValue(problems, inner, problem, `there are ${OCSP_MODES.join(", ")}`);
      }
    } else urls = readUrls(inner, problems);
  }
  return { mode, urls };
}

function readUrls({ value }: Entry, problems: Problems): string[] {
  const items: readonly ConfigValue[] = value.kind === "array" ? value.items : [value];
  return items.flatMap((item) => {
    if (item.kind === "string" && isWebUrl(item.value)) return [item.value];
    if (item.kind === "broken") return [];
    const shown = item.kind === "string" ? JSON.stringify(item.value) : kindText(item);
    problems.error("BAD_VALUE", `error parsing ocsp config: ${shown} is no URL of HTTP`, item.span);
    return [];
  });
}

function readCache({ draft, entry, problems, usable }: Setting): void {
  const { value } = entry;
  let type = value.kind === "boolean" && !value.value ? "none" : "local";
  for (const { entry: inner } of value.kind === "map" ? usable(value, OCSP_CACHE) : []) {
    type = stringOf(inner.value).toLowerCase();
    if (type === "none" || type === "local") continue;
    const problem = `error parsing OCSP peer cache config, unknown type [${stringOf(inner.value)}]`;
    badValue(problems, inner, problem, "there is none");
    return;
  }
  if (type === "none") draft.option("ocspCache", false, value.span);
  else {
    const text = `"${entry.key}" of the type local is not supported yet`;
    problems.error("NOT_SUPPORTED", text, entry.keySpan, "take it out: answers are then kept in memory");
  }
}

type PeerTime = "allowedClockSkewMs" | "caTimeoutMs" | "cacheTtlWithoutNextUpdateMs";
type PeerFlag = "warnOnly" | "unknownIsGood" | "allowWhenCaUnreachable";
const PEER_TIMES: Readonly<Record<string, PeerTime>> = {
  allowed_clockskew: "allowedClockSkewMs",
  ca_timeout: "caTimeoutMs",
  cache_ttl_when_next_update_unset: "cacheTtlWithoutNextUpdateMs",
};
const PEER_FLAGS: Readonly<Record<string, PeerFlag>> = {
  warn_only: "warnOnly",
  unknown_is_good: "unknownIsGood",
  allow_when_ca_unreachable: "allowWhenCaUnreachable",
};

/** Reads `ocsp_peer` of a `tls` block. @returns False where it is switched off, as a block without `verify` is. */
export function readOcspPeer(
  value: ConfigValue,
  problems: Problems,
  usable: Setting["usable"],
): false | OcspPeerOptions {
  if (value.kind === "boolean") return value.value ? {} : false;
  const options: { -readonly [Name in keyof OcspPeerOptions]: OcspPeerOptions[Name] } = {};
  let isOn = false;
  for (const { directive, entry } of usable(value as MapValue, OCSP_PEER)) {
    const time = PEER_TIMES[directive.name];
    const flag = PEER_FLAGS[directive.name];
    if (time !== undefined) {
      const ms = readSeconds(entry, problems);
      // As in the reference, no time for an answer is the default.
      if (ms !== null && !(ms === 0 && time === "caTimeoutMs")) options[time] = ms;
    } else if (flag !== undefined) options[flag] = booleanOf(entry.value);
    else isOn = booleanOf(entry.value);
  }
  return isOn ? options : false;
}

/** Whole milliseconds of what is given in seconds or as a duration; null when it is neither. */
function readSeconds(entry: Entry, problems: Problems): number | null {
  const { key, value } = entry;
  const ms =
    value.kind === "string" ? parseDuration(value.value) : Number((value as { value: bigint | number }).value) * 1000;
  if (ms !== null && ms >= 0 && ms <= Number.MAX_SAFE_INTEGER) return Math.ceil(ms);
  const shown = value.kind === "string" ? JSON.stringify(value.value) : String(ms);
  const problem = `error parsing tls peer config, conversion error: ${key} ${shown} is no time`;
  badValue(problems, entry, problem, `give seconds or a duration such as "2s"`);
  return null;
}
