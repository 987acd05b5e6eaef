// How a message is shown. The forms are natscli's: scripts read them.
//
//   [#1] Received on "orders.eu" with reply "_INBOX.x"
//   Name: value
//
//   body

import { isUtf8 } from "node:buffer";
import { spawnSync } from "node:child_process";
import type { Msg, MsgHdrs } from "@myelin/client";
import { quote } from "@myelin/protocol";
import { CliError } from "./cli-error.ts";
import type { Output } from "./output.ts";
import { splitWords } from "./shell-words.ts";

const NEWLINE = 0x0a;
const encoder = new TextEncoder();

/** Changes a body before it is shown. */
export type Translate = (body: Uint8Array, subject: string) => Uint8Array;

/** What is shown of a message. */
export type MessageFields = Pick<Msg, "subject" | "reply" | "headers" | "data">;

/** Leaves bodies as they are. */
export const AS_IT_IS: Translate = (body) => body;

/** A text in double quotes, as Go's %q writes it. */
export function quoted(text: string): string {
  const bytes = encoder.encode(text);
  return quote(bytes, 0, bytes.length);
}

/** Headers as lines `Name: value`, one per value. */
export function headerLines(headers: MsgHdrs | undefined): string[] {
  return [...(headers ?? [])].flatMap(([name, values]) => values.map((value) => `${name}: ${value}`));
}

/** Prints a body with a line end, and "nil body" for none. */
export function printBodyCompact(output: Output, body: Uint8Array): void {
  if (body.length === 0) output.line("nil body");
  else if (body[body.length - 1] === NEWLINE) output.print(body);
  else output.line(body);
}

/** Prints a body with empty lines after it: one when it ends its last line itself, else two. */
export function printBody(output: Output, body: Uint8Array): void {
  printBodyCompact(output, body);
  output.line();
  if (body[body.length - 1] !== NEWLINE) output.line();
}

/** A message as one line of JSON. A body that is no UTF-8 stands as `data_base64`. */
export function messageJson({ subject, reply, headers, data }: MessageFields): string {
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const body = isUtf8(data) ? { data: text.toString("utf8") } : { data_base64: text.toString("base64") };
  return JSON.stringify({
    subject,
    ...(reply === undefined || reply === "" ? {} : { reply }),
    ...(headers === undefined ? {} : { headers: Object.fromEntries(headers) }),
    ...body,
  });
}

/** A message as natscli dumps it. */
export function messageDump({ subject, reply, headers, data }: MessageFields): string {
  return JSON.stringify({
    Subject: subject,
    Reply: reply ?? "",
    Header: headers === undefined ? null : Object.fromEntries(headers),
    Data: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64"),
    Sub: null,
  });
}

/**
 * Gives each body to a command on its stdin, and shows what that prints.
 *
 * @param command - `{{Subject}}` in it stands for the message's subject.
 */
export function translateWith(command: string): Translate {
  const words = splitWords(command);
  return (body, subject) => {
    const [program = "", ...args] = words.map((word) => word.replace(/\{\{\s*\.?Subject\s*\}\}/g, () => subject));
    const { error, status, signal, stdout, stderr } = spawnSync(program, args, { input: body });
    if (error !== undefined) throw new CliError(`cannot run --translate ${JSON.stringify(program)}: ${error.message}`);
    const problem = status === 0 ? "" : `Error while translating msg body: ${signal ?? `exit status ${status}`}\n`;
    return Buffer.concat([stdout, stderr, encoder.encode(problem)]);
  };
}
