// What comes before a connection with TLS can be opened: which of the two begins, whether there is TLS at all, the handshake, and
// how long each may take (server.go, createClientEx).
//
//   handshake_first: false            INFO -> handshake
//                    true             handshake -> INFO
//                    auto, duration   wait for the first byte -> handshake -> INFO; when none comes: INFO -> handshake
//   allow_non_tls                     the handshake behind INFO only when the first byte is a handshake's; plain text otherwise
//
// Before the handshake nothing that the peer sends is read as an operation; what is read at all goes to TLS, or, with
// allow_non_tls, to the parser of a connection that never has TLS. So nothing can be put in front of what TLS protects.

import type { Clock, Duplex, Timer, TlsSession } from "@myelin/platform";
import { type HandshakeProblem, handshakeProblem } from "../tls/handshake-error.ts";
import type { ListenerTls } from "../tls/listener-tls.ts";
import { describeCertificates, isPinned, peerCertificate } from "../tls/peer-certificate.ts";

/** The first byte of a TLS record that begins a handshake. */
const HANDSHAKE_RECORD = 0x16;

/** What a connection is told while it begins. After one of the `start...` nothing more comes. */
export interface SecureStartOwner {
  /** INFO is to be sent now, in plain text. */
  sendPlainInfo(): void;
  logDebug(text: string): void;
  logError(text: string): void;
  /** The handshake is done. @param first - Whether it came before INFO, which is to be sent now. */
  startedSecure(session: TlsSession, first: boolean): void;
  /** The client does without TLS, which it may. */
  startedPlain(): void;
  /** Too many handshakes begin: the client has to be told, in plain text, and closed. */
  startThrottled(): void;
  /** There is no TLS; the duplex is gone, or is being destroyed. */
  startFailed(): void;
}

/** The beginning of one connection. */
export class SecureStart {
  readonly #duplex: Duplex;
  readonly #tls: ListenerTls;
  readonly #clock: Clock;
  readonly #owner: SecureStartOwner;
  #timer: Timer | null = null;
  #over = false;
  /** What the first byte means now; it may change while it is awaited. */
  #onFirstByte: ((first: number) => void) | null = null;

  constructor(duplex: Duplex, tls: ListenerTls, clock: Clock, owner: SecureStartOwner) {
    this.#duplex = duplex;
    this.#tls = tls;
    this.#clock = clock;
    this.#owner = owner;
  }

  begin(): void {
    if (this.#duplex.startTls === undefined || this.#duplex.peek === undefined) {
      this.#fail({ text: "the transport cannot do TLS", isProbe: false });
      return;
    }
    const { handshakeFirst, handshakeFirstFallbackMs } = this.#tls.settings;
    if (!handshakeFirst) this.#infoFirst();
    else if (handshakeFirstFallbackMs === 0) this.#shakeHands(true);
    else {
      this.#awaitFirstByte(handshakeFirstFallbackMs, () => this.#infoFirst());
      this.#onFirstByte = () => this.#shakeHands(true);
    }
  }

  /** The connection is being closed; nothing more comes of this. */
  stop(): void {
    this.#over = true;
    this.#setTimer(null);
    this.#onFirstByte = null;
  }

  #infoFirst(): void {
    this.#owner.sendPlainInfo();
    if (this.#over) return;
    if (!this.#tls.allowNonTls) {
      this.#shakeHands(false);
      return;
    }
    // Who says nothing may be a client without TLS that only listens.
    this.#awaitFirstByte(this.#tls.settings.timeoutMs, () => this.#goOnPlain());
    this.#onFirstByte = (first) => {
      if (first === HANDSHAKE_RECORD) this.#shakeHands(false);
      else this.#goOnPlain();
    };
  }

  /** Waits for the first byte, or for a time. It is the same byte, however often it is waited for. */
  #awaitFirstByte(timeoutMs: number, timedOut: () => void): void {
    const isAwaited = this.#onFirstByte !== null;
    this.#setTimer(this.#clock.setTimer(timeoutMs, timedOut));
    if (isAwaited) return;
    let first = 0;
    const look = (bytes: Uint8Array): number => {
      first = bytes[0] as number;
      return 0;
    };
    this.#duplex.peek?.(look, (gone) => {
      if (this.#over) return;
      if (gone) this.#fail({ text: "EOF", isProbe: true });
      else this.#onFirstByte?.(first);
    });
  }

  #goOnPlain(): void {
    this.stop();
    this.#owner.startedPlain();
  }

  #shakeHands(first: boolean): void {
    const { rate, server, settings } = this.#tls;
    this.#onFirstByte = null;
    if (rate !== null && !rate.allow()) {
      this.stop();
      this.#owner.startThrottled();
      return;
    }
    this.#owner.logDebug("Starting TLS client connection handshake");
    this.#setTimer(this.#clock.setTimer(settings.timeoutMs, () => this.#timedOut()));
    this.#duplex.startTls?.(server, {
      secured: (session) => this.#secured(session, first),
      failed: (error) => this.#fail(handshakeProblem(error)),
    });
  }

  #secured(session: TlsSession, first: boolean): void {
    if (this.#over) return;
    if (!isPinned(session, this.#tls.settings.pinnedCerts)) {
      const certificate = peerCertificate(session);
      const found =
        certificate === null ? "as client did not provide a certificate" : `for key id: ${certificate.spkiSha256}`;
      this.#owner.logDebug(`Failed pinned cert test ${found}`);
      const shown = describeCertificates(session.peerCertificates);
      this.#fail({ text: `certificate not pinned${shown === "" ? "" : ` (${shown})`}`, isProbe: false });
      return;
    }
    this.stop();
    this.#owner.startedSecure(session, first);
  }

  #timedOut(): void {
    this.#owner.logDebug("TLS handshake timeout");
    this.#fail({ text: "i/o timeout", isProbe: true });
  }

  #fail({ isProbe, text }: HandshakeProblem): void {
    if (this.#over) return;
    this.stop();
    const line = `TLS handshake error: ${text}`;
    if (isProbe) this.#owner.logDebug(line);
    else this.#owner.logError(line);
    this.#owner.startFailed();
  }

  #setTimer(timer: Timer | null): void {
    this.#timer?.cancel();
    this.#timer = timer;
  }
}
