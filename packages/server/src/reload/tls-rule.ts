// What a reload does with TLS. Certificates, who has to show one, pins and times may change; that certificates say who a client is,
// and the rate of handshakes, may not. The log tells what the reference tells (reload.go tlsOption and those beside it).

import { isDeepStrictEqual } from "node:util";
import { goDuration } from "../config/duration.ts";
import { TLS_TIMEOUT_MS, type TlsSettings } from "../tls/settings.ts";
import { refusal } from "./refusal.ts";
import type { ReloadRule } from "./rules.ts";

type Tls = TlsSettings | null;

/** The rule for `tls`. */
export const TLS_RULE: ReloadRule = {
  refuses: (next, current) => refuse(next.tls ?? null, current.tls ?? null),
  tells: (next, current) => tell(next.tls ?? null, current.tls ?? null),
};

function refuse(next: Tls, current: Tls): readonly string[] {
  const texts: string[] = [];
  const [isMapping, wasMapping] = [next?.map ?? false, current?.map ?? false];
  if (isMapping !== wasMapping) texts.push(refusal("TLSMap", String(wasMapping), String(isMapping)));
  const [rate, oldRate] = [next?.connectionRateLimit ?? 0, current?.connectionRateLimit ?? 0];
  if (rate !== oldRate) texts.push(refusal("TLSRateLimit", String(oldRate), String(rate)));
  return texts;
}

function tell(next: Tls, current: Tls): readonly string[] {
  const [now, before] = [told(next), told(current)];
  const lines: string[] = [];
  if (now.timeoutMs !== before.timeoutMs) lines.push(`Reloaded: tls timeout = ${now.timeoutMs / 1000}`);
  if (!isDeepStrictEqual(now.rest, before.rest))
    lines.push(`Reloaded: tls = ${next === null ? "disabled" : "enabled"}`);
  if (!isDeepStrictEqual(now.pins, before.pins)) lines.push(`Reloaded: ${now.pins.length} pinned_certs`);
  if (now.first !== before.first) lines.push(`Reloaded: Client TLS handshake first: ${now.first}`);
  if (now.fallbackMs !== before.fallbackMs) {
    lines.push(`Reloaded: Client TLS handshake first fallback delay: ${goDuration(now.fallbackMs)}`);
  }
  return lines;
}

interface Told {
  readonly timeoutMs: number;
  readonly pins: readonly string[];
  readonly first: boolean;
  readonly fallbackMs: number;
  /** Everything else, told as one. */
  readonly rest: object | null;
}

function told(tls: Tls): Told {
  if (tls === null) return { timeoutMs: TLS_TIMEOUT_MS, pins: [], first: false, fallbackMs: 0, rest: null };
  const { handshakeFirst: first, handshakeFirstFallbackMs: fallbackMs, pinnedCerts, timeoutMs, ...rest } = tls;
  return { timeoutMs, pins: pinnedCerts ?? [], first, fallbackMs, rest };
}
