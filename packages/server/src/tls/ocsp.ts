// OCSP as the rest of the server sees it. What does the work is loaded only for a listener that needs it: one with a certificate that
// is to be stapled, or with clients whose certificates are to be checked.

import { X509Certificate } from "node:crypto";
import type { Clock, Disk, HttpFetch, Random } from "@myelin/platform";
import type { NodeTlsServerHooks } from "@myelin/platform/node";
import type { Logger } from "../logger.ts";
import type { KeepOptions, KeptAnswers } from "./ocsp/kept-answers.ts";
import type { ListenerOcsp } from "./ocsp/service.ts";
import type { OcspOptions } from "./ocsp/settings.ts";
import { mustStaple } from "./peer-certificate.ts";
import type { TlsSettings } from "./settings.ts";

/** OCSP that a configuration says nothing about. */
const DEFAULT_OCSP: OcspOptions = { mode: "auto", urls: [] };

/** What OCSP needs of its server. */
export interface OcspServerSide {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly fetch: HttpFetch;
  readonly random: Random;
  /** Gives a folder, which need not be there. */
  readonly openDisk: (folder: string) => Disk;
  /** The server is to go down because a certificate of its own is not good; that has been logged. */
  readonly shutDown: () => void;
}

/** What the options of a server say about it. */
export interface OcspServerOptions extends KeepOptions {
  /** Null where the configuration says nothing. */
  readonly ocsp: OcspOptions | null;
}

/** OCSP of one listener, whether it is loaded yet or not. */
export interface OcspHooks {
  readonly tls: NodeTlsServerHooks;
  /** Has what handshakes need. Rejects when a certificate must be stapled and cannot be, or must not be used. */
  start(): Promise<void>;
  /** The same while the server runs: what fails is logged, and tried again. */
  startLater(): void;
  stop(): void;
}

/** OCSP of one server. */
export class Ocsp {
  readonly #side: OcspServerSide;
  readonly #stopped: AbortController = new AbortController();
  /** What a reload does not forget; made with the first listener that needs it. */
  #shared: Promise<Shared> | null = null;
  /** Of the last reload. */
  #options: KeepOptions | null = null;

  constructor(side: OcspServerSide) {
    this.#side = side;
  }

  /**
   * Makes OCSP of one listener ready to be started. What the options say about keeping answers counts for all listeners.
   *
   * @returns Null when the listener has no use for it.
   */
  hooks(settings: TlsSettings, options: OcspServerOptions): OcspHooks | null {
    const { mode, urls } = options.ocsp ?? DEFAULT_OCSP;
    this.#options = options;
    const stapled = settings.certificates
      .filter(({ cert, certFile }) => this.#isStapled(cert, certFile, mode))
      .map(({ cert }) => cert);
    if (stapled.length === 0 && settings.ocspPeer === null) return null;
    let loading: Promise<ListenerOcsp> | null = null;
    const load = (): Promise<ListenerOcsp> => {
      loading ??= this.#share().then(({ create }) => create(settings, stapled, { mode, urls }));
      return loading;
    };
    return {
      tls: {
        ...(stapled.length > 0 && { staple: async (certificate) => (await load()).staple(certificate) }),
        ...(settings.ocspPeer !== null && { admit: async (session) => (await load()).admit(session) }),
      },
      start: async () => (await load()).start(),
      startLater: () => {
        load()
          .then((ocsp) => ocsp.startLater())
          .catch((error: Error) => this.#side.logger.warn(`Can't restart OCSP features: ${error.message}`));
      },
      stop: () => void loading?.then((ocsp) => ocsp.stop()).catch(ignoreFailedLoad),
    };
  }

  /** The server closes: nobody is asked any more. */
  stop(): void {
    this.#stopped.abort();
  }

  /** The same, and resolves when everything is on disk that has to be. */
  async close(): Promise<void> {
    this.stop();
    const shared = await this.#shared?.catch(ignoreFailedLoad);
    await shared?.kept.close();
  }

  #isStapled(cert: string, certFile: string | null, mode: OcspOptions["mode"]): boolean {
    if (mode === "always") return true;
    if (!mustStaple(new X509Certificate(cert).raw)) return false;
    if (mode !== "never") return true;
    this.#side.logger.warn(`Certificate at '${certFile ?? "the options"}' has MustStaple but OCSP is disabled`);
    return false;
  }

  #share(): Promise<Shared> {
    this.#shared ??= this.#load();
    return this.#shared;
  }

  async #load(): Promise<Shared> {
    const [{ ListenerOcsp }, { KeptAnswers }] = await Promise.all([
      import("./ocsp/service.ts"),
      import("./ocsp/kept-answers.ts"),
    ]);
    const kept = new KeptAnswers(this.#side);
    const outside = {
      ...this.#side,
      signal: this.#stopped.signal,
      answers: kept.staples,
      folder: () => kept.stapleFolder,
      cache: () => kept.clients,
      openCache: () => kept.openCache(),
    };
    return {
      kept,
      create: (settings, stapled, options) => {
        kept.use(this.#options as KeepOptions);
        return new ListenerOcsp(settings, stapled, options, outside);
      },
    };
  }
}

interface Shared {
  readonly kept: KeptAnswers;
  readonly create: (settings: TlsSettings, stapled: readonly string[], options: OcspOptions) => ListenerOcsp;
}

/** Whoever started it has been told. */
function ignoreFailedLoad(): void {}
