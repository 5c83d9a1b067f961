// The operations that can be translated: how each begins, what is asked of the API for its
// translation, and the call that does what was translated.

import { read } from "./exact.js";
import { newKey } from "./gateway.js";

/** `model` is the type of its text, `isAbout` whether it is about an opportunity that there is. */
export const OPERATIONS = {
  create: {
    label: "Create",
    model: "OpportunityDraft",
    text: "Draft, as JSON",
    start: {
      name: "Harbour expansion",
      value: { amount: "7500.00" },
      expected_close_date: "2027-03-31",
    },
  },
  update: {
    label: "Update",
    model: "OpportunityPatch",
    text: "Merge patch, as JSON",
    start: { value: { amount: "8250.00" } },
    isAbout: true,
  },
  delete: { label: "Delete", isAbout: true },
  read: { label: "Read a record", text: "The vendor’s record, as JSON", start: {} },
};

/** What of an opportunity a patch can say again. */
const PATCHED = [
  "name",
  "description",
  "value",
  "probability",
  "expected_close_date",
  "custom_fields",
];

/** An opportunity as the patch that would change nothing of it. */
export const patchOf = (opportunity) =>
  Object.fromEntries(
    PATCHED.filter((name) => opportunity[name] !== null).map((name) => [name, opportunity[name]]),
  );

/**
 * The body of a request for a translation. The text goes into it as it was typed, so that no digit
 * of it is lost on the way.
 */
export function asked({ operation, handling, text, about }) {
  const { isAbout, text: hasText } = OPERATIONS[operation];
  const members = {
    operation: JSON.stringify(operation),
    handling: JSON.stringify(handling),
    opportunity_id: isAbout && about && JSON.stringify(about),
    [operation === "read" ? "record" : "body"]: hasText && text,
  };
  const told = Object.entries(members).filter(([, value]) => value);
  return `{${told.map(([name, value]) => `"${name}":${value}`).join(",")}}`;
}

/** The call of the write itself, of which the translation was the rehearsal; or of a reading. */
export function callOf({ operation, handling, text, about }, connection) {
  const body = OPERATIONS[operation].text && read(text);
  const place = `/v1/opportunities/${about}`;
  const headers = {
    ...(body && { "Content-Type": "application/json" }),
    ...(handling === "lenient" && { Prefer: "handling=lenient" }),
    ...(operation !== "read" && { "Idempotency-Key": newKey() }),
  };
  return {
    create: { method: "POST", path: "/v1/opportunities", headers, body: { connection, ...body } },
    update: { method: "PATCH", path: place, headers, body },
    delete: { method: "DELETE", path: place, headers },
    read: {
      method: "POST",
      path: `/v1/connections/${connection}/translations`,
      headers,
      body: { operation, record: body },
    },
  }[operation];
}
