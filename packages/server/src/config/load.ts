// The way in: a file, or a text, becomes settings, or one error that tells everything that is wrong.

import { DEFAULT_OPTIONS } from "../options.ts";
import { checkConfig } from "./check.ts";
import { configDigest } from "./digest.ts";
import { formatDuration } from "./duration.ts";
import { NODE_CONFIG_OUTSIDE } from "./node-outside.ts";
import { type ConfigOutside, parseConfig } from "./parser.ts";
import { ConfigError, type Problem, Problems } from "./problem.ts";
import type { Settings, SettingsDraft } from "./settings.ts";
import { Source } from "./source.ts";

/** Where a configuration is. */
export type ConfigGiven = { readonly file: string } | { readonly text: string };

/** A configuration that can be used. */
export interface Configuration extends Settings {
  /** `sha256:...`, the same as the reference's for the same configuration. */
  readonly digest: string;
  /** Warnings and notices. */
  readonly problems: readonly Problem[];
}

/** How messages call a text that is in no file. */
const TEXT_NAME = "configuration text";

/**
 * Reads a configuration. Included files are looked for beside the file, or in the working folder for a text.
 *
 * @param outside - Where files and environment variables come from; this machine's without it.
 * @throws ConfigError when it cannot be used, with every problem that was found.
 */
export function loadConfig(given: ConfigGiven, outside: ConfigOutside = NODE_CONFIG_OUTSIDE): Configuration {
  const problems = new Problems();
  const { source, path } =
    "file" in given ? readSource(given.file, outside) : { source: new Source(TEXT_NAME, given.text), path: "" };
  const map = parseConfig(source, path, outside, problems);
  const draft = checkConfig(map, problems);
  checkTogether(draft, problems);
  if (map.entries.size === 0 && !problems.has("error")) {
    problems.warn("EMPTY", `${source.name}: config has no values or is empty`, null);
  }
  if (problems.has("error")) throw new ConfigError(problems.list());
  const { options, process, origins } = draft;
  return { options, process, origins, digest: configDigest(map), problems: problems.list() };
}

function readSource(path: string, { readFile }: ConfigOutside): { source: Source; path: string } {
  try {
    return { source: new Source(path, readFile(path)), path };
  } catch (error) {
    const problems = new Problems();
    problems.error("FILE", (error as Error).message, null);
    throw new ConfigError(problems.list());
  }
}

/** What must hold between directives of different blocks. */
function checkTogether({ options, origins }: SettingsDraft, problems: Problems): void {
  const { maxPayloadBytes = DEFAULT_OPTIONS.maxPayloadBytes, maxPendingBytes = DEFAULT_OPTIONS.maxPendingBytes } =
    options;
  const { lameDuckDurationMs = DEFAULT_OPTIONS.lameDuckDurationMs } = options;
  const { lameDuckGraceMs = DEFAULT_OPTIONS.lameDuckGraceMs } = options;
  if (maxPayloadBytes > maxPendingBytes) {
    const text = `max_payload (${maxPayloadBytes}) cannot be higher than max_pending (${maxPendingBytes})`;
    const at = origins.get("maxPayloadBytes") ?? origins.get("maxPendingBytes") ?? null;
    problems.error("CONFLICT", text, at, "the largest message could never be delivered");
  }
  if (lameDuckGraceMs >= lameDuckDurationMs) {
    const [grace, duration] = [formatDuration(lameDuckGraceMs), formatDuration(lameDuckDurationMs)];
    const text = `lame duck grace period (${grace}) should be strictly lower than lame duck duration (${duration})`;
    const at = origins.get("lameDuckGraceMs") ?? origins.get("lameDuckDurationMs") ?? null;
    problems.error("CONFLICT", text, at, "the grace period is a part of the duration");
  }
}
