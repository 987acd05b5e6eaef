// Compares the settings of a running server with those of a reload. Nothing is changed here: a reload is all or nothing, so what
// cannot be taken over has to be known before the first setting is.

import { isDeepStrictEqual } from "node:util";
import type { SettingName } from "../config/settings.ts";
import type { ServerOptions } from "../options.ts";
import { RELOAD_RULES, type SettingValues } from "./rules.ts";

/** One setting that cannot change while the server runs. */
export interface ReloadRefusal {
  readonly setting: SettingName;
  /** The reference's text: `config reload not supported for <Field>: old=.., new=..`. */
  readonly text: string;
}

/** A reload was refused, and nothing has changed. */
export class ReloadError extends Error {
  override readonly name = "ReloadError";
  readonly code = "RELOAD_NOT_SUPPORTED";
  /** All of them, in the order of the reference's options. */
  readonly refusals: readonly ReloadRefusal[];

  constructor(refusals: readonly ReloadRefusal[]) {
    super(refusals.map(({ text }) => text).join("\n"));
    this.refusals = refusals;
  }
}

/** What has changed between two sets of settings. */
export interface SettingsChanges {
  readonly changed: readonly SettingName[];
  /** Those of the changes that cannot be taken over. */
  readonly refusals: readonly ReloadRefusal[];
  /** What the log is to say once the others have been. */
  readonly lines: readonly string[];
}

/** A reload that a server has looked at. */
export interface ReloadPlan extends SettingsChanges {
  readonly options: ServerOptions;
}

/**
 * Compares settings.
 *
 * @param next - Has the same settings as `current`; those that neither has are left out.
 */
export function compareSettings(next: Partial<SettingValues>, current: Partial<SettingValues>): SettingsChanges {
  const changed: SettingName[] = [];
  const refusals: ReloadRefusal[] = [];
  const lines: string[] = [];
  for (const [name, rule] of Object.entries(RELOAD_RULES)) {
    const setting = name as SettingName;
    if (isDeepStrictEqual(next[setting], current[setting])) continue;
    changed.push(setting);
    const texts = rule.refuses(next, current);
    refusals.push(...texts.map((text) => ({ setting, text })));
    if (texts.length === 0) lines.push(...rule.tells(next, current));
  }
  return { changed, refusals, lines };
}
