// A move of an opportunity to another stage: one PATCH for the version that was seen, under a key of
// its own; and what is told where it does not come off.

import { h } from "./dom.js";
import { ask } from "./gateway.js";
import { problem } from "./parts.js";
import { stageName, titleOf } from "./board.js";

const place = ({ id }) => `/v1/opportunities/${encodeURIComponent(id)}`;

/** Moves a record; the answer, and the record as it is `now`, also where somebody else was there. */
export async function moved(record, stage, key) {
  const answer = await ask("PATCH", place(record), {
    body: JSON.stringify({ stage: { id: stage.id } }),
    headers: { "If-Match": record.etag, "Idempotency-Key": key },
  });
  return { answer, now: answer.ok ? answer.json : await current(record, answer) };
}

async function current(record, { status }) {
  if (status !== 412) return record;
  const fresh = await ask("GET", place(record));
  return fresh.ok ? fresh.json : record;
}

/** Why a move did not come off, and what may be done about it; `again` sends the very same. */
export function refusal({ status, problem: told }, now, again) {
  if (status === 412) return problem(conflict(told, now));
  const box = problem(told);
  if (told.outcome === "unknown") box.append(unknown());
  if (told.retry === "same_request") {
    box.append(h("button.small", { type: "button", onclick: again }, "Send the same again"));
  }
  return box;
}

const conflict = (told, now) => ({
  ...told,
  title: "Somebody else was there",
  detail:
    `${titleOf(now)} was changed meanwhile, so it was not moved. It was read again and ` +
    `is in ${stageName(now.stage)}: move it once more if you still want to.`,
});

const unknown = () =>
  h(
    "p",
    {},
    "Whether it was moved is not known yet; ",
    h("a", { href: "#writes" }, "Writes"),
    " has what was seen of it.",
  );
