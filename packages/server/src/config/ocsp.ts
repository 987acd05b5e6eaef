// Reads what a configuration says about OCSP: stapling, the check of client certificates, and the cache of that.

import {
  DEFAULT_OCSP_CACHE,
  isWebUrl,
  OCSP_MODES,
  type OcspCacheOptions,
  type OcspMode,
  type OcspOptions,
  type OcspPeerOptions,
  SAVE_INTERVAL_MS_MIN,
} from "../tls/ocsp/settings.ts";
import { OCSP, OCSP_CACHE, OCSP_PEER } from "./directives/tls-blocks.ts";
import { parseDuration } from "./duration.ts";
import type { Problems } from "./problem.ts";
import { badValue, booleanOf, stringOf } from "./readers.ts";
import type { Setter, Setting } from "./setters.ts";
import { type ConfigValue, type Entry, kindText, type MapValue } from "./value.ts";

/** By the path of the directive. */
export const OCSP_SETTERS: Readonly<Record<string, Setter>> = {
  ocsp: (setting) => setting.draft.option("ocsp", readOcsp(setting), setting.entry.value.span),
  ocsp_cache: (setting) => setting.draft.option("ocspCache", readCache(setting), setting.entry.value.span),
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

function readCache({ entry, problems, usable }: Setting): OcspCacheOptions {
  const { value } = entry;
  const options: { -readonly [Name in keyof OcspCacheOptions]: OcspCacheOptions[Name] } = {
    ...DEFAULT_OCSP_CACHE,
    type: value.kind === "boolean" && !value.value ? "none" : "local",
  };
  if (value.kind === "boolean") return options;
  for (const { directive, entry: inner } of usable(value as MapValue, OCSP_CACHE)) {
    if (directive.name === "preserve_revoked") options.preserveRevoked = booleanOf(inner.value);
    else if (directive.name === "local_store") options.localStore = stringOf(inner.value) || options.localStore;
    else if (directive.name === "save_interval") options.saveIntervalMs = readInterval(inner, problems);
    else {
      const type = stringOf(inner.value).toLowerCase();
      if (type === "none" || type === "local") options.type = type;
      else {
        const problem = `error parsing OCSP peer cache config, unknown type [${stringOf(inner.value)}]`;
        badValue(problems, inner, problem, "there are none and local");
      }
    }
  }
  return options;
}

/** Whole seconds, one at least, as in the reference. */
function readInterval(entry: Entry, problems: Problems): number {
  const ms = millisecondsOf(entry.value);
  if (ms === null || ms > Number.MAX_SAFE_INTEGER) {
    const problem = `error parsing OCSP peer cache config, conversion error: ${entry.key} ${shown(entry.value)} is no time`;
    badValue(problems, entry, problem, `give seconds or a duration such as "5m"`);
    return DEFAULT_OCSP_CACHE.saveIntervalMs;
  }
  return Math.max(SAVE_INTERVAL_MS_MIN, Math.floor(ms / 1000) * 1000);
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
  const ms = millisecondsOf(entry.value);
  if (ms !== null && ms >= 0 && ms <= Number.MAX_SAFE_INTEGER) return Math.ceil(ms);
  const problem = `error parsing tls peer config, conversion error: ${entry.key} ${shown(entry.value)} is no time`;
  badValue(problems, entry, problem, `give seconds or a duration such as "2s"`);
  return null;
}

/** Null for a text that is no duration. */
function millisecondsOf(value: ConfigValue): number | null {
  return value.kind === "string"
    ? parseDuration(value.value)
    : Number((value as { value: bigint | number }).value) * 1000;
}

function shown(value: ConfigValue): string {
  return value.kind === "string" ? JSON.stringify(value.value) : String((value as { value: bigint | number }).value);
}
