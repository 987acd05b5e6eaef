// How `sub` shows messages: one of several forms, chosen by flags.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Msg } from "@myelin/client";
import { formatDuration } from "./duration.ts";
import {
  headerLines,
  type MessageFields,
  messageDump,
  messageJson,
  printBody,
  printBodyCompact,
  quoted,
  type Translate,
} from "./message-text.ts";
import type { Output } from "./output.ts";

/** Shows a message, and the reply that was matched to it. `count` begins at 1. */
export type MessagePrinter = (msg: Msg, count: number, reply: Msg | null) => void;

/** The flags that choose the form. */
export interface PrintOptions {
  readonly raw?: boolean;
  readonly json?: boolean;
  readonly dump?: string;
  readonly headersOnly?: boolean;
  readonly subjectsOnly?: boolean;
  readonly timestamp?: boolean;
  readonly deltaTime?: boolean;
}

/** The form that the flags ask for. */
export function messagePrinter(options: PrintOptions, translate: Translate, output: Output): MessagePrinter {
  if (options.dump !== undefined) return dumpPrinter(options.dump, translate, output);
  if (options.json === true) return jsonPrinter(translate, output);
  if (options.raw === true) return rawPrinter(translate, output);
  return prettyPrinter(options, translate, output);
}

function prettyPrinter(options: PrintOptions, translate: Translate, output: Output): MessagePrinter {
  const startedMs = performance.now();
  const print = (msg: Msg): void => {
    if (options.subjectsOnly === true) return;
    const lines = headerLines(msg.headers);
    for (const line of lines) output.line(line);
    if (lines.length > 0) output.line();
    if (options.headersOnly !== true) printBody(output, translate(msg.data, msg.subject));
  };
  return (msg, count, reply) => {
    const time = stamp(options, startedMs);
    const answer = msg.reply === undefined || msg.reply === "" ? "" : ` with reply ${quoted(msg.reply)}`;
    output.line(`[#${count}]${time} Received on ${quoted(msg.subject)}${answer}`);
    print(msg);
    if (reply === null) return;
    output.line(`[#${count}]${time} Matched reply on ${quoted(reply.subject)}`);
    print(reply);
  };
}

function rawPrinter(translate: Translate, output: Output): MessagePrinter {
  return (msg, _count, reply) => {
    printBodyCompact(output, translate(msg.data, msg.subject));
    if (reply !== null) output.line(reply.data);
  };
}

function jsonPrinter(translate: Translate, output: Output): MessagePrinter {
  return (msg, _count, reply) => {
    output.line(messageJson({ ...fieldsOf(msg), data: translate(msg.data, msg.subject) }));
    if (reply !== null) output.line(messageJson(reply));
  };
}

/** One file per message, or all on stdout, each ended by a zero byte: for `xargs -0`. */
function dumpPrinter(target: string, translate: Translate, output: Output): MessagePrinter {
  const dump = (msg: Msg): string => messageDump({ ...fieldsOf(msg), data: translate(msg.data, msg.subject) });
  if (target === "-") {
    return (msg, _count, reply) => {
      output.print(`${dump(msg)}\0`);
      if (reply !== null) output.print(`${dump(reply)}\0`);
    };
  }
  return (msg, count, reply) => {
    writeFileSync(join(target, `${count}.json`), dump(msg), { mode: 0o600 });
    if (reply !== null) writeFileSync(join(target, `${count}_reply.json`), dump(reply), { mode: 0o600 });
  };
}

/** A message's fields read out: those of a received message are getters, which a copy would lose. */
function fieldsOf({ subject, reply, headers, data }: Msg): MessageFields {
  return {
    subject,
    data,
    ...(reply === undefined ? {} : { reply }),
    ...(headers === undefined ? {} : { headers }),
  };
}

function stamp({ timestamp, deltaTime }: PrintOptions, startedMs: number): string {
  if (deltaTime === true) return ` @ ${formatDuration(performance.now() - startedMs)}`;
  return timestamp === true ? ` @ ${localStamp(performance.timeOrigin + performance.now())}` : "";
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `Jan  2 15:04:05.000000` of local time, to the microsecond. */
function localStamp(wallMs: number): string {
  const date = new Date(wallMs);
  const [hours, minutes, seconds] = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) =>
    String(part).padStart(2, "0"),
  );
  const micros = String(Math.floor((wallMs % 1_000) * 1_000)).padStart(6, "0");
  return `${MONTHS[date.getMonth()]} ${String(date.getDate()).padStart(2)} ${hours}:${minutes}:${seconds}.${micros}`;
}
