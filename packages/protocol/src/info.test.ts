import assert from "node:assert/strict";
import { test } from "node:test";
import { infoTemplate } from "./info.ts";

test("infoTemplate() escapes what Go's encoder escapes", () => {
  const { head } = infoTemplate({ server_id: "N", server_name: '<a>&\u2028\u2029é"\r\n' } as Parameters<
    typeof infoTemplate
  >[0]);
  assert.match(head, /"server_name":"\\u003ca\\u003e\\u0026\\u2028\\u2029é\\"\\r\\n"/);
});
