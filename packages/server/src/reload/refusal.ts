// The words in which a reload is refused.

/** The reference's text for a setting that cannot change while the server runs. */
export function refusal(field: string, old: string, wanted: string): string {
  return `config reload not supported for ${field}: old=${old}, new=${wanted}`;
}
