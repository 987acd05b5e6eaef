// Reads a `tls` block, wherever it stands: the directives become options, and tls/settings.ts says whether they can be used.

import {
  completeTls,
  type TlsOptions,
  type TlsPairOptions,
  type TlsRole,
  type TlsSettings,
  TlsSettingsError,
} from "../tls/settings.ts";
import { TLS, TLS_PAIR } from "./directives/tls-blocks.ts";
import { durationProblem, parseDuration } from "./duration.ts";
import { readOcspPeer } from "./ocsp.ts";
import type { Problems } from "./problem.ts";
import type { Setting } from "./setters.ts";
import type { Span } from "./source.ts";
import type { ArrayValue, BooleanValue, ConfigValue, Entry, IntegerValue, MapValue, StringValue } from "./value.ts";
import { kindText } from "./value.ts";

type Draft = { -readonly [Name in keyof TlsOptions]: TlsOptions[Name] };
/** Where each option was set, for what turns out to be wrong with it later. */
type Places = Map<keyof TlsOptions, Span>;
type Reader = (value: ConfigValue, draft: Draft, problems: Problems, setting: Setting, key: string) => void;

const READERS: Readonly<Record<string, readonly [option: keyof TlsOptions, read: Reader]>> = {
  cert_file: ["certFile", text("certFile")],
  key_file: ["keyFile", text("keyFile")],
  ca_file: ["caFile", text("caFile")],
  certs: [
    "certs",
    (value, draft, problems, setting) => {
      draft.certs = pairs(value as ArrayValue, problems, setting);
    },
  ],
  verify: ["verify", flag("verify")],
  verify_and_map: ["verifyAndMap", flag("verifyAndMap")],
  insecure: ["insecure", flag("insecure")],
  verify_cert_and_check_known_urls: ["checkKnownUrls", flag("checkKnownUrls")],
  allow_insecure_cipher_suites: ["allowInsecureCipherSuites", flag("allowInsecureCipherSuites")],
  cipher_suites: ["cipherSuites", texts("cipherSuites")],
  curve_preferences: ["curvePreferences", texts("curvePreferences")],
  ocsp_peer: [
    "ocspPeer",
    (value, draft, problems, { usable }) => {
      draft.ocspPeer = readOcspPeer(value, problems, usable);
    },
  ],
  pinned_certs: ["pinnedCerts", texts("pinnedCerts")],
  min_version: ["minVersion", text("minVersion")],
  timeout: ["timeoutMs", timeout],
  handshake_first: ["handshakeFirst", handshakeFirst],
  connection_rate_limit: [
    "connectionRateLimit",
    (value, draft) => {
      // As in the reference, what is not above 0 is no limit.
      draft.connectionRateLimit = Math.max(0, Number((value as IntegerValue).value));
    },
  ],
};

/**
 * Reads a `tls` block.
 *
 * @returns Null when it cannot be used, which is reported.
 */
export function readTls(setting: Setting, role: TlsRole): TlsSettings | null {
  const { entry, problems, usable, readFile } = setting;
  const draft: Draft = {};
  const places: Places = new Map();
  const before = problems.count("error");
  for (const { directive, entry: inner } of usable(entry.value as MapValue, TLS)) {
    const reader = READERS[directive.name];
    if (reader === undefined) continue;
    const [option, read] = reader;
    places.set(option, inner.value.span);
    read(inner.value, draft, problems, setting, inner.key);
  }
  if (problems.count("error") > before) return null;
  return complete(draft, places, entry, problems, readFile, role);
}

function complete(
  draft: TlsOptions,
  places: Places,
  entry: Entry,
  problems: Problems,
  readFile: (path: string) => string,
  role: TlsRole,
): TlsSettings | null {
  try {
    return completeTls(draft, readFile, role);
  } catch (error) {
    if (!(error instanceof TlsSettingsError)) throw error;
    problems.error("BAD_VALUE", error.message, places.get(error.option) ?? entry.keySpan, error.hint);
    return null;
  }
}

type TextOption = "certFile" | "keyFile" | "caFile" | "minVersion";
type FlagOption = "verify" | "verifyAndMap" | "insecure" | "checkKnownUrls" | "allowInsecureCipherSuites";
type TextsOption = "cipherSuites" | "curvePreferences" | "pinnedCerts";

function text(option: TextOption): Reader {
  return (value, draft) => {
    const given = (value as StringValue).value;
    // An empty path is no path, as in the reference.
    if (given !== "" || option === "minVersion") draft[option] = given;
  };
}

function flag(option: FlagOption): Reader {
  return (value, draft) => {
    draft[option] = (value as BooleanValue).value;
  };
}

function texts(option: TextsOption): Reader {
  return (value, draft, problems) => {
    draft[option] = (value as ArrayValue).items.flatMap((item) => {
      if (item.kind === "string") return [item.value];
      if (item.kind !== "broken") problems.error("BAD_VALUE", `expected a string, not ${kindText(item)}`, item.span);
      return [];
    });
  };
}

function pairs({ items }: ArrayValue, problems: Problems, { usable }: Setting): TlsPairOptions[] {
  return items.flatMap((item) => {
    if (item.kind === "broken") return [];
    if (item.kind !== "map") {
      const hint = "write { cert_file: PATH, key_file: PATH }";
      problems.error(
        "BAD_VALUE",
        `error parsing certificates config: unsupported type: ${kindText(item)}`,
        item.span,
        hint,
      );
      return [];
    }
    const pair: { certFile?: string; keyFile?: string } = {};
    for (const { directive, entry } of usable(item, TLS_PAIR)) {
      const path = (entry.value as StringValue).value;
      if (path !== "") pair[directive.name === "cert_file" ? "certFile" : "keyFile"] = path;
    }
    if (pair.certFile === undefined || pair.keyFile === undefined) {
      const problem = "error parsing certificates config: both 'cert_file' and 'cert_key' options are required";
      problems.error("BAD_VALUE", problem, item.span, "the second is called key_file");
    }
    return [pair];
  });
}

function timeout(value: ConfigValue, draft: Draft, problems: Problems): void {
  const ms = value.kind === "string" ? parseDuration(value.value) : Number((value as IntegerValue).value) * 1000;
  if (ms === null) {
    const problem = `error parsing tls config, 'timeout' ${durationProblem((value as StringValue).value)}`;
    problems.error("BAD_VALUE", problem, value.span, `give seconds or a duration such as "2s"`);
  } else if (ms < 0 || ms > Number.MAX_SAFE_INTEGER) {
    // The reference takes it, and every handshake fails.
    problems.error("BAD_VALUE", "timeout must not be negative", value.span);
  } else if (ms > 0) draft.timeoutMs = Math.ceil(ms);
}

function handshakeFirst(value: ConfigValue, draft: Draft, problems: Problems, _setting: Setting, key: string): void {
  if (value.kind === "boolean") {
    draft.handshakeFirst = value.value;
    return;
  }
  const given = (value as StringValue).value;
  const word = given.toLowerCase();
  if (word === "true" || word === "on") draft.handshakeFirst = true;
  else if (word === "false" || word === "off") draft.handshakeFirst = false;
  else if (word === "auto" || word === "auto_fallback") draft.handshakeFirst = "auto";
  else {
    const ms = parseDuration(given);
    if (ms !== null && ms >= 0) draft.handshakeFirst = ms;
    else {
      const problem = `field ${JSON.stringify(key)}'s value ${JSON.stringify(given)} is invalid`;
      problems.error("BAD_VALUE", problem, value.span, `give true, false, "auto", or a duration such as "100ms"`);
    }
  }
}
