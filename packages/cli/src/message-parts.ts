// From the words of the command line to a message: subject, body and headers, with their templates.

import { isUtf8 } from "node:buffer";
import { headers as createHeaders, type MsgHdrs } from "@myelin/client";
import { CliError } from "./cli-error.ts";
import type { Output } from "./output.ts";
import { parseTemplate, type Template, TemplateError, type TemplateValues } from "./template.ts";

/** Headers that are filled in per message. */
export type HeaderTemplates = ReadonlyArray<readonly [name: string, value: Template]>;

/** For commander: gathers what `-H` is given, in order. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/**
 * Reads headers as they are written on the command line, `Name: value`. Templates in values always count.
 *
 * @throws CliError for a text without a colon, and for a template that cannot be read.
 */
export function readHeaders(texts: readonly string[] = []): HeaderTemplates {
  return texts.map((text) => {
    const colon = text.indexOf(":");
    if (colon < 1) throw new CliError(`invalid header ${JSON.stringify(text)}: write it as Name:value`);
    const name = text.slice(0, colon).trim();
    try {
      return [name, parseTemplate(text.slice(colon + 1).trim())] as const;
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      throw new CliError(`failed to parse the template of header ${JSON.stringify(name)}: ${error.message}`);
    }
  });
}

/** Fills headers in; undefined when there are none. */
export function fillHeaders(templates: HeaderTemplates, values: TemplateValues): MsgHdrs | undefined {
  if (templates.length === 0) return undefined;
  const filled = createHeaders();
  for (const [name, value] of templates) filled.append(name, value(values));
  return filled;
}

/**
 * Reads a template of a subject or a body. What cannot be read is told on stderr and stays as it is: a body may hold
 * braces for its own reasons.
 *
 * @param what - For the text: "body", "subject".
 */
export function readTemplate(text: string, what: string, output: Output): Template {
  try {
    return parseTemplate(text);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    output.log(`Could not parse ${what} template: ${error.message}`);
    return () => text;
  }
}

/** Fills a body in. Bytes that are no text, and those without a template, go out as they are. */
export type BodyTemplate = (values: TemplateValues) => string | Uint8Array;

/** Reads a template of a body that may come from stdin. */
export function readBody(body: string | Uint8Array, templates: boolean, output: Output): BodyTemplate {
  if (!templates) return () => body;
  if (typeof body === "string") return readTemplate(body, "body", output);
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (!text.includes("{{") || !isUtf8(text)) return () => body;
  return readTemplate(text.toString("utf8"), "body", output);
}
