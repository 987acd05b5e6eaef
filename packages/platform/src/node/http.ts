// Questions over HTTP through Node. The modules are loaded with the first question: who asks none pays nothing.

import type { IncomingMessage } from "node:http";
import type { HttpAnswer, HttpFetch, HttpRequest } from "../http.ts";

/** Asks by `node:http` or `node:https`, which knows the CAs that Node.js knows. Stateless; no connection is kept. */
export const nodeHttpFetch: HttpFetch = async (request) => {
  const url = new URL(request.url);
  const { request: ask } = url.protocol === "https:" ? await import("node:https") : await import("node:http");
  const { body, headers = {}, method, signal, timeoutMs } = request;
  // One signal for all of it: a peer that sends a byte now and then does not keep the question open.
  const late = AbortSignal.timeout(timeoutMs);
  const ended = signal === undefined ? late : AbortSignal.any([late, signal]);
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void =>
      reject(late.aborted ? new Error(`no answer within ${timeoutMs} ms`, { cause: error }) : error);
    const length = body === undefined ? {} : { "Content-Length": body.length };
    const question = ask(
      url,
      { method, headers: { ...headers, ...length }, signal: ended, agent: false },
      (message) => {
        readBody(message, request).then(resolve, fail);
      },
    );
    question.on("error", fail).end(body);
  });
};

async function readBody(message: IncomingMessage, { answerBytesMax }: HttpRequest): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message) {
    size += (chunk as Buffer).length;
    if (size > answerBytesMax) throw new Error(`an answer of more than ${answerBytesMax} bytes`);
    chunks.push(chunk as Buffer);
  }
  return { status: message.statusCode ?? 0, body: Buffer.concat(chunks) };
}
