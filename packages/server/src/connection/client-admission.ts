// Who a client is, over the life of its connection: whom it is taken for before it has said anything, the answer to its CONNECT,
// how long it has and may stay, and the same questions again when a reload changes who may come in. Used by ClientConnection.

import type { Timer } from "@myelin/platform";
import type { Admission } from "../auth/admission.ts";
import { TooManyLoginsError } from "../auth/bcrypt-queue.ts";
import type { ClientConnection } from "./client-connection.ts";
import { ClientRights } from "./client-rights.ts";
import type { Authenticator, ConnectionContext } from "./context.ts";
import { dropForbidden } from "./drop-forbidden.ts";

/** Lets one client in, and keeps an eye on it. */
export class ClientAdmission {
  readonly #context: ConnectionContext;
  readonly #connection: ClientConnection;
  #isAssumed = false;
  #isTaken = false;
  /** The client has been sent INFO: it may say who it is. */
  #isExpecting = false;
  /** The client has sent an operation without having said who it is. */
  #hasActed = false;
  #isPending = false;
  #authTimer: Timer | null = null;
  /** Ends the connection when the user's time is over. */
  #deadline: Timer | null = null;

  constructor(context: ConnectionContext, connection: ClientConnection) {
    this.#context = context;
    this.#connection = connection;
  }

  /** The client was taken for somebody, where others are told apart, before it said who it is. */
  get isTaken(): boolean {
    return this.#isTaken;
  }

  /** Nothing is read until an answer of authentication is there. */
  get isPending(): boolean {
    return this.#isPending;
  }

  /** @returns Whom the client is taken for from the accept on; null for nobody. */
  assume(): Admission | null {
    const { authenticator } = this.#context;
    const admission = authenticator.assume(this.#connection);
    this.#isAssumed = admission !== null;
    this.#isTaken = this.#isAssumed && authenticator.asks;
    return admission;
  }

  /** What a client may do who is admitted so; null for everything. */
  rightsOf(admission: Admission | null): ClientRights | null {
    const permissions = admission?.permissions ?? null;
    return permissions === null ? null : new ClientRights(permissions, this.#context.clock);
  }

  /** Has a client that has to say who it is say it in time. */
  expectConnect(): void {
    this.#isExpecting = true;
    this.#connection.expectConnect(!this.#isAssumed);
    if (this.#context.authenticator.asks) this.#startAuthTimer();
    else this.#stopAuthTimer();
  }

  /** An operation came without a CONNECT: the client has decided to stay who it is taken for. */
  acted(): void {
    this.#hasActed = true;
    this.#stopAuthTimer();
  }

  /**
   * Asks who the client is that has sent a CONNECT.
   *
   * @param admitted - Called when it may come in and has its rights; a client that may not is closed instead.
   */
  ask(admitted: () => void): void {
    const connection = this.#connection;
    this.#authenticate((admission) => {
      const { connect } = connection;
      this.#stopAuthTimer();
      if (admission === null || connect.account !== "" || connect.new_account) {
        connection.refuseAuthentication();
        return;
      }
      connection.enterAccount(admission.account);
      connection.userName = admission.userName;
      connection.rights = this.rightsOf(admission);
      connection.rightsChanged();
      if (this.#keepDeadline(admission.deadlineMs)) admitted();
    });
  }

  /**
   * Who may come in has changed: asks again who the client is, with what it has said. One that would not be let in any more, or
   * into another account, is closed; one that stays has its new rights, and loses the subscriptions that they do not cover.
   *
   * @param previous - Who let it in.
   */
  askAgain(previous: Authenticator): void {
    const connection = this.#connection;
    // Who waits for an answer is asked for again when it comes.
    if (connection.isClosed || this.#isPending) return;
    if (!connection.connectReceived) {
      this.#assumeAgain();
      return;
    }
    const answer = this.#context.authenticator.authenticateAgain(connection.connect, connection, previous);
    if (!(answer instanceof Promise)) {
      this.#readmit(answer);
      return;
    }
    this.#startAuthTimer();
    this.#await(answer, (admission) => this.#readmit(admission));
  }

  /** The connection ends. */
  stop(): void {
    this.#stopAuthTimer();
    this.#deadline?.cancel();
  }

  #authenticate(admit: (admission: Admission | null) => void): void {
    const answer = this.#context.authenticator.authenticate(this.#connection.connect, this.#connection);
    if (answer instanceof Promise) this.#await(answer, admit);
    else admit(answer);
  }

  /**
   * Has nothing read until it is known who the client is. When a reload has replaced those who were asked, their answer does not
   * count, and the question is put again.
   */
  #await(answer: Promise<Admission | null>, admit: (admission: Admission | null) => void): void {
    const connection = this.#connection;
    const { authenticator } = this.#context;
    this.#isPending = true;
    connection.suspendReading();
    const settle = (admission: Admission | null): void => {
      this.#isPending = false;
      connection.goOnReading(() => {
        if (this.#context.authenticator === authenticator) admit(admission);
        else this.#authenticate(admit);
      });
    };
    answer.then(settle, (error: unknown) => {
      connection.logError(`authentication failed: ${error instanceof Error ? error.message : String(error)}`);
      // It would not get its turn in time, and hears so now. Its credentials may be right: it is to try again.
      if (error instanceof TooManyLoginsError) this.#timeOut();
      settle(null);
    });
  }

  /** The answer to {@link askAgain} for a client that has said who it is. */
  #readmit(admission: Admission | null): void {
    const connection = this.#connection;
    this.#stopAuthTimer();
    if (admission === null) {
      // As in the reference a user who is gone, or has moved, is not told: his client finds out when it comes back.
      if (this.#isForgotten()) connection.close("CLIENT_CLOSED");
      else connection.refuseAuthentication();
    } else if (admission.account !== connection.account) {
      connection.close("CLIENT_CLOSED");
    } else {
      this.#takeRights(admission);
      this.#keepDeadline(admission.deadlineMs);
    }
  }

  /** Whether the user that the client came as is not there any more, in this account. */
  #isForgotten(): boolean {
    const { account, connect, userName } = this.#connection;
    const identity = [userName, connect.nkey, connect.user].find((name) => name !== "");
    return identity === undefined ? this.#isTaken : !this.#context.authenticator.knows(identity, account);
  }

  /** The same for a client that has said nothing: it is whom it is taken for now, unless it has acted as somebody else. */
  #assumeAgain(): void {
    const connection = this.#connection;
    const wasTaken = this.#isTaken;
    const admission = this.assume();
    const account = admission?.account ?? this.#context.globalAccount;
    if (this.#hasActed && admission === null && !wasTaken) connection.refuseAuthentication();
    else if (this.#hasActed && (admission === null || account !== connection.account))
      connection.close("CLIENT_CLOSED");
    else {
      connection.enterAccount(account);
      this.#takeRights(admission);
      if (this.#isExpecting && !this.#hasActed) this.expectConnect();
    }
  }

  /** Rights that are the same as before stay, and with them the replies that the client owes. */
  #takeRights(admission: Admission | null): void {
    const connection = this.#connection;
    const [next, current] = [admission?.permissions ?? null, connection.rights?.permissions ?? null];
    const hasSameRights = next === current || (next !== null && current !== null && next.isLike(current));
    const userName = admission?.userName ?? "";
    if (hasSameRights && connection.userName === userName) return;
    connection.userName = userName;
    if (!hasSameRights) connection.rights = this.rightsOf(admission);
    connection.rightsChanged();
    if (!hasSameRights) dropForbidden(connection, this.#context.logger);
  }

  /** @returns False when the deadline is over already, and with it the connection. */
  #keepDeadline(deadlineMs: number | null): boolean {
    this.#deadline?.cancel();
    this.#deadline = null;
    if (deadlineMs === null) return true;
    const { clock } = this.#context;
    const leftMs = deadlineMs - clock.wallMs();
    if (leftMs > 0) {
      // The wall clock is looked at again when the timer fires: it may have been set back meanwhile.
      this.#deadline = clock.setTimer(leftMs, () => this.#keepDeadline(deadlineMs));
      return true;
    }
    this.#connection.logDebug("User Authentication Expired");
    this.#connection.refuse("AUTHENTICATION_EXPIRED", "AUTHENTICATION_EXPIRED");
    return false;
  }

  #startAuthTimer(): void {
    const { clock, options } = this.#context;
    this.#authTimer ??= clock.setTimer(options.authTimeoutMs, () => this.#timeOut());
  }

  #timeOut(): void {
    this.#authTimer = null;
    const connection = this.#connection;
    connection.sendError("AUTHENTICATION_TIMEOUT");
    connection.logDebug("Authentication Timeout");
    connection.close("AUTHENTICATION_TIMEOUT");
  }

  #stopAuthTimer(): void {
    this.#authTimer?.cancel();
    this.#authTimer = null;
  }
}
