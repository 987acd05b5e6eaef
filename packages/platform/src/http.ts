// Single questions over HTTP, as Myelin asks them: a small request, a small answer, a limit on the time and on the size.

/** A question. */
export interface HttpRequest {
  readonly method: "GET" | "POST";
  /** `http:` or `https:`. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** From the beginning to the last byte of the answer. */
  readonly timeoutMs: number;
  /** Bytes of the answer's body; a longer one is an error. */
  readonly answerBytesMax: number;
  /** Ends the question. */
  readonly signal?: AbortSignal;
}

/** An answer of any status. */
export interface HttpAnswer {
  readonly status: number;
  /** The receiver's own. */
  readonly body: Uint8Array;
}

/**
 * Asks once. Redirections are not followed. Rejects when there is no answer within the limits, with a text that says why.
 */
export type HttpFetch = (request: HttpRequest) => Promise<HttpAnswer>;
