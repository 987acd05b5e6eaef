// Asks OCSP responders over HTTP (RFC 6960, appendix A).

import type { HttpAnswer, HttpFetch } from "@myelin/platform";
import { ANSWER_BYTES_MAX } from "./answer.ts";
import { OcspError } from "./ocsp-error.ts";

/** How responders are asked. */
export interface ResponderQuestion {
  /** Asked one after the other until one answers. */
  readonly urls: readonly string[];
  /** DER. */
  readonly request: Uint8Array;
  /** POST first and then GET, as for stapling; or GET alone, as the reference asks about clients. */
  readonly methods: ReadonlyArray<"POST" | "GET">;
  /** For each try. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Asks until somebody answers. What the answer says is not looked at.
 *
 * @throws OcspError when nobody does, with what was wrong with each.
 */
export async function askResponders(question: ResponderQuestion, fetch: HttpFetch): Promise<Uint8Array> {
  const { methods, signal, urls } = question;
  if (urls.length === 0) throw new OcspError("no available ocsp servers");
  const problems: string[] = [];
  for (const url of urls) {
    for (const method of methods) {
      signal.throwIfAborted();
      try {
        const { body, status } = await ask(method, url.replace(/\/$/, ""), question, fetch);
        if (status >= 200 && status < 300) return body;
        problems.push(`non-ok http status on ${method} request of ${url}: ${status}`);
      } catch (error) {
        problems.push(`${method} ${url}: ${(error as Error).message}`);
      }
    }
  }
  throw new OcspError(`exhausted ocsp servers: ${problems.join("; ")}`);
}

function ask(
  method: "POST" | "GET",
  url: string,
  { request, signal, timeoutMs }: ResponderQuestion,
  fetch: HttpFetch,
): Promise<HttpAnswer> {
  const limits = { timeoutMs, answerBytesMax: ANSWER_BYTES_MAX, signal };
  if (method === "GET") {
    const encoded = encodeURIComponent(Buffer.from(request).toString("base64"));
    return fetch({ method, url: `${url}/${encoded}`, ...limits });
  }
  const headers = { "Content-Type": "application/ocsp-request", Accept: "application/ocsp-response" };
  return fetch({ method, url, headers, body: request, ...limits });
}
