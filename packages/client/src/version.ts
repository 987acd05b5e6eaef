// What the client says of itself in CONNECT.

/** The package's version. */
export const version = "0.1.0";
/** Language, as monitoring shows it. */
export const LANG = "typescript";
