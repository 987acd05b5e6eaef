// The options of an embedded server that is given a configuration: the program's own options stand over it.

import { type ConfigGiven, loadConfig } from "../config/load.ts";
import { ConfigError, headOf } from "../config/problem.ts";
import { overrideOptions } from "../config/settings.ts";
import type { Logger } from "../logger.ts";
import type { PartialServerOptions } from "../options.ts";

/** A file, or a text, or neither. */
export interface ConfigurationGiven {
  readonly configFile: string | undefined;
  readonly configText: string | undefined;
}

/** Options, and the digest of the configuration that they are from. */
export interface ConfiguredOptions {
  readonly options: PartialServerOptions;
  /** `sha256:...`; null without a configuration. */
  readonly digest: string | null;
}

/**
 * Reads the configuration, and puts options over it. Warnings go to the logger, those too that the process round the server
 * has to do with: log and pid files are the embedding program's business.
 *
 * @throws ConfigError when the configuration cannot be used.
 */
export function configuredOptions(
  { configFile, configText }: ConfigurationGiven,
  options: PartialServerOptions,
  logger: Logger,
): ConfiguredOptions {
  if (configFile !== undefined && configText !== undefined) {
    const message = "configFile and configText are both given, and only one of them can be the configuration";
    throw new ConfigError([{ severity: "error", code: "CONFLICT", message, span: null, hint: null }]);
  }
  const given: ConfigGiven | null =
    configFile !== undefined ? { file: configFile } : configText !== undefined ? { text: configText } : null;
  if (given === null) return { options, digest: null };
  const { digest, options: configured, origins, problems, process } = loadConfig(given);
  for (const problem of problems) logger.warn(headOf(problem));
  for (const name of Object.keys(process) as Array<keyof typeof process>) {
    const span = origins.get(name) ?? null;
    logger.warn(headOf({ message: `${name} has no effect in an embedded server`, span }));
  }
  return { options: overrideOptions(configured, options), digest };
}
