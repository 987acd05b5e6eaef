// Keeps secrets out of what people print to see what is going on: console.log of a server, of its options, of an error.

/** The method by which Node asks an object how to show it. */
const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** Options, at any depth, whose values are nobody's business. */
const SECRETS: ReadonlySet<string> = new Set(["pass", "token", "key", "keyPem", "passphrase", "seed", "jwt"]);
const COVER = "[REDACTED]";

/** Makes an object of options show itself without its secrets. They stay where they are for whoever asks for them by name. */
export function coverSecrets<T extends object>(options: T): T {
  Object.defineProperty(options, INSPECT, { value: () => covered(options), enumerable: false });
  return options;
}

/** Makes Node show every instance of a class as something else. */
export function showInstancesAs<T extends object>(
  type: { readonly prototype: T },
  show: (instance: T) => string,
): void {
  const value = function (this: T): unknown {
    return this === type.prototype ? {} : show(this);
  };
  Object.defineProperty(type.prototype, INSPECT, { value, enumerable: false });
}

function covered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => covered(item));
  if (value === null || typeof value !== "object" || !isPlain(value)) return value;
  const shown = Object.entries(value).map(([name, inner]) => [
    name,
    SECRETS.has(name) ? hidden(inner) : covered(inner),
  ]);
  return Object.fromEntries(shown) as unknown;
}

/** An absent secret is no secret. */
function hidden(value: unknown): unknown {
  return value === null || value === undefined || value === "" ? value : COVER;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
