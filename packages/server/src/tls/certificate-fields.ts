// Finds the parts of a certificate (RFC 5280) that Node does not give: what stands where, and extensions by their number.

import { type DerValue, readObjectId, readValue, readValues, TAG_OBJECT_ID, TAG_OCTET_STRING } from "./der.ts";

const TAG_VERSION = 0xa0;
const TAG_EXTENSIONS = 0xa3;

/** Where the parts stand in what {@link fieldsOf} gives. */
export const SERIAL_NUMBER_INDEX = 0;
export const SUBJECT_INDEX = 4;
export const PUBLIC_KEY_INDEX = 5;

/** Serial number, algorithm, issuer, validity, subject, public key, and what follows. @throws DerError when it is no certificate. */
export function fieldsOf(der: Uint8Array): DerValue[] {
  const [toBeSigned] = readValues(readValue(der).content);
  const all = readValues(toBeSigned?.content ?? new Uint8Array(0));
  return all[0]?.tag === TAG_VERSION ? all.slice(1) : all;
}

/** What an extension holds; null where the certificate has none of that kind. @param wanted - Its object identifier, in dots. */
export function extensionOf(fields: readonly DerValue[], wanted: string): Uint8Array | null {
  const extensions = fields.find(({ tag }) => tag === TAG_EXTENSIONS);
  if (extensions === undefined) return null;
  for (const { content } of readValues(readValue(extensions.content).content)) {
    const parts = readValues(content);
    const [id] = parts;
    const value = parts.at(-1);
    if (id?.tag !== TAG_OBJECT_ID || value?.tag !== TAG_OCTET_STRING) continue;
    if (readObjectId(id.content) === wanted) return value.content;
  }
  return null;
}
