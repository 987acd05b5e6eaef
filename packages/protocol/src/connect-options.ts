// CONNECT: what a client tells about itself, and how its JSON is read.
//
// A CONNECT only sets the fields that it names; the others keep what they had, from the defaults or from an earlier CONNECT.
// Field names are matched in any case and unknown ones ignored, as Go's JSON package does; a field of the wrong type is an error.

/** The fields of CONNECT (client.go ClientOpts). */
export interface ConnectOptions {
  echo: boolean;
  verbose: boolean;
  pedantic: boolean;
  tls_required: boolean;
  nkey: string;
  jwt: string;
  sig: string;
  auth_token: string;
  user: string;
  pass: string;
  name: string;
  lang: string;
  version: string;
  protocol: number;
  account: string;
  new_account: boolean;
  headers: boolean;
  no_responders: boolean;
  proxy_sig: string;
}

/** What holds until a CONNECT says otherwise (client.go defaultOpts). */
export const DEFAULT_CONNECT_OPTIONS: Readonly<ConnectOptions> = Object.freeze({
  echo: true,
  verbose: true,
  pedantic: true,
  tls_required: false,
  nkey: "",
  jwt: "",
  sig: "",
  auth_token: "",
  user: "",
  pass: "",
  name: "",
  lang: "",
  version: "",
  protocol: 0,
  account: "",
  new_account: false,
  headers: false,
  no_responders: false,
  proxy_sig: "",
});

/** A CONNECT could not be read. The message names the field and what was wrong, never its value: it may be a secret. */
export class ConnectSyntaxError extends Error {
  override readonly name = "ConnectSyntaxError";
  readonly code = "BAD_CONNECT";
}

const FIELDS: ReadonlyMap<string, keyof ConnectOptions> = new Map(
  (Object.keys(DEFAULT_CONNECT_OPTIONS) as Array<keyof ConnectOptions>).map((field) => [field, field]),
);

/**
 * Reads the JSON of a CONNECT over the options that hold so far.
 *
 * @param json - The text between `CONNECT ` and the line end.
 * @param current - Not changed.
 * @throws ConnectSyntaxError when it is not a JSON object or a known field has the wrong type.
 */
export function parseConnect(json: string, current: Readonly<ConnectOptions>): ConnectOptions {
  const given = parseObject(json);
  const options: ConnectOptions = { ...current };
  for (const key of Object.keys(given)) {
    const field = FIELDS.get(key) ?? FIELDS.get(key.toLowerCase());
    if (field === undefined) continue;
    const value = given[key];
    if (value === null) continue; // Go leaves a field alone for null
    assign(options, field, value);
  }
  return options;
}

/** A number written with a fraction or an exponent: Go does not read one into an integer, even where its value is whole. */
const PROTOCOL_NOT_AN_INTEGER = /"protocol"\s*:\s*-?\d+[.eE]/i;

function parseObject(json: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // The parser's own message would quote the text, and with it secrets.
    throw new ConnectSyntaxError("the options of CONNECT are not valid JSON");
  }
  if (value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new ConnectSyntaxError("the options of CONNECT are not a JSON object");
  }
  if (PROTOCOL_NOT_AN_INTEGER.test(json)) {
    throw new ConnectSyntaxError("the field protocol of CONNECT has to be an integer, without fraction or exponent");
  }
  return value as Record<string, unknown>;
}

function assign<Field extends keyof ConnectOptions>(options: ConnectOptions, field: Field, value: unknown): void {
  const wanted = typeof DEFAULT_CONNECT_OPTIONS[field];
  const fits = typeof value === wanted && (wanted !== "number" || Number.isSafeInteger(value));
  if (!fits) throw new ConnectSyntaxError(`the field ${field} of CONNECT has to be a ${wanted}`);
  options[field] = value as ConnectOptions[Field];
}
