// sub --report-subjects: how many messages and bytes come on which subject, as a table.

import Table from "cli-table3";
import { formatBytes, formatCount } from "./quantity.ts";

interface Row {
  messages: number;
  bytes: number;
}

/** Counts messages per subject. */
export class SubjectReport {
  readonly #rows: Map<string, Row> = new Map();
  readonly #top: number;

  /** @param top - How many subjects the table shows at most. */
  constructor(top: number) {
    this.#top = top;
  }

  add(subject: string, bytes: number): void {
    const row = this.#rows.get(subject);
    if (row === undefined) this.#rows.set(subject, { messages: 1, bytes });
    else {
      row.messages++;
      row.bytes += bytes;
    }
  }

  /** The subjects with the most messages; the totals are those of the rows that are shown, as in natscli. */
  render(): string {
    const rows = [...this.#rows]
      .sort(([a, x], [b, y]) => y.messages - x.messages || (a < b ? -1 : 1))
      .slice(0, this.#top);
    const table = new Table({ head: ["Subject", "Message Count", "Bytes"], style: { head: [], border: [] } });
    const total = { messages: 0, bytes: 0 };
    for (const [subject, { messages, bytes }] of rows) {
      table.push([subject, formatCount(messages), formatBytes(bytes)]);
      total.messages += messages;
      total.bytes += bytes;
    }
    table.push(["Totals", formatCount(total.messages), formatBytes(total.bytes)]);
    const title = this.#top === 1 ? "Top Subject Report" : `Top ${this.#top} Active Subjects Report`;
    return `${title}\n${table.toString()}`;
  }
}
