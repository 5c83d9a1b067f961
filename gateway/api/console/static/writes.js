// Writes: what became of each, how that is known, and a word of an operator where nothing else is.

import { fill, h, say } from "./dom.js";
import { ask } from "./gateway.js";
import {
  badge,
  chips,
  choice,
  empty,
  facts,
  field,
  json,
  problem,
  sign,
  verb,
  waiting,
  when,
} from "./parts.js";

export const TITLE = "Writes";
export const LEAD =
  "Every write of the last days, with what was seen of it. Those whose outcome nothing has proved " +
  "wait for a word of yours.";
export const ICON = "M4 16l1-4 8-8 3 3-8 8zM11 6l3 3";

const STATES = [
  ["", "All"],
  ["indeterminate", "Undecided"],
  ["running", "Running"],
  ["succeeded", "Succeeded"],
  ["failed", "Failed"],
  ["not_applied", "Not applied"],
];
const PAGE = 25;

export function build(house) {
  let state = "";
  let connection = "";
  let cursor = null;
  let chosen = null;
  const list = h("ul.writes");
  const more = h(
    "button",
    { type: "button", hidden: true, onclick: () => load(true) },
    "Load more",
  );
  const detail = h(
    "section.card.write-detail",
    { "aria-label": "The chosen write", tabindex: -1 },
    empty("Choose a write to see what was seen of it."),
  );
  const names = house.connections.map(({ name }) => [name, name]);
  const element = h(
    "div",
    {},
    h(
      "div.row.filters",
      {},
      chips("State", STATES, { chosen: state, onchange: ([value]) => ((state = value), load()) }),
      field(
        "Connection",
        choice([["", "All"], ...names], "", (value) => ((connection = value), load())),
      ),
      h("button", { type: "button", onclick: () => load() }, "Look again"),
    ),
    h("div.split", {}, h("div", {}, list, more), detail),
  );

  async function load(isMore = false) {
    const query = new URLSearchParams({ limit: PAGE });
    if (state) query.set("state", state);
    if (connection) query.set("connection", connection);
    if (isMore) query.set("cursor", cursor);
    const answer = await ask("GET", `/v1/operations?${query}`);
    if (!answer.ok) return fill(list, h("li", {}, problem(answer.problem)));
    const rows = answer.json.items.map(row);
    cursor = answer.json.next_cursor;
    more.hidden = !cursor;
    if (isMore) list.append(...rows);
    else fill(list, rows.length ? rows : h("li", {}, empty("There is no such write.")));
    return say(`${rows.length} writes`);
  }

  function row(operation) {
    const button = h(
      "button.write",
      {
        type: "button",
        "data-id": operation.id,
        "aria-current": operation.id === chosen ? "true" : null,
        onclick: () => open(operation.id),
      },
      sign(operation.vendor),
      h(
        "span.write-what",
        {},
        h("span", {}, verb(operation.method), operation.connection),
        h("small", {}, operation.opportunity_id ?? operation.id),
      ),
      h("span.write-how", {}, badge(operation.state), h("small", {}, when(operation.created_at))),
    );
    return h("li", {}, button);
  }

  async function open(id) {
    chosen = id;
    for (const each of list.querySelectorAll("button")) each.removeAttribute("aria-current");
    list.querySelector(`[data-id="${id}"]`)?.setAttribute("aria-current", "true");
    fill(detail, waiting());
    const answer = await ask("GET", `/v1/operations/${id}`);
    if (id !== chosen) return;
    fill(detail, answer.ok ? told(answer.json) : problem(answer.problem));
    detail.focus({ preventScroll: true });
    if (detail.getBoundingClientRect().top > innerHeight / 2) detail.scrollIntoView();
  }

  function told(operation) {
    const waits = operation.state === "indeterminate";
    return [
      h(
        "header",
        {},
        h("h2", {}, verb(operation.method), operation.connection),
        badge(operation.state),
      ),
      facts([
        ["Operation", h("code", {}, operation.id)],
        ["Opportunity", operation.opportunity_id && h("code", {}, operation.opportunity_id)],
        ["Sent", operation.attempts === 1 ? "once" : `${operation.attempts} times`],
        ["Kept until", operation.expires_at],
        ["Settled by", operation.resolved_by],
        ["Reason", operation.reason],
      ]),
      waits ? decision(operation) : null,
      h("h3", {}, "Time line"),
      h(
        "ol.timeline",
        {},
        timeline(operation).map(([at, kind, words]) =>
          h(
            "li",
            { "data-kind": kind },
            h("strong", {}, kind.replaceAll("_", " ").replaceAll("-", " ")),
            " ",
            when(at),
            h("span", {}, words),
          ),
        ),
      ),
      operation.answer
        ? h(
            "details",
            {},
            h("summary", {}, `What its caller is answered: ${operation.answer.status}`),
            json(operation.answer.body, "The answer"),
          )
        : null,
    ];
  }

  /** The form by which an operator settles a write. */
  function decision(operation) {
    if (!house.may("operations:resolve"))
      return h("p.noted.warn", {}, "Whoever has the scope operations:resolve can settle it.");
    let outcome = null; // nobody settles a write by what happened to be chosen
    const about = h("input", {
      value: operation.opportunity_id ?? "",
      spellcheck: "false",
      autocomplete: "off",
    });
    const which = field("Opportunity that it made or changed", about);
    which.hidden = true;
    const reason = h("textarea", { rows: 3, maxlength: 500, required: true });
    const outcomes = chips(
      "What became of it",
      [
        ["not_applied", "Not applied"],
        ["applied", "Applied"],
      ],
      {
        required: true,
        onchange: ([value]) => ((outcome = value), (which.hidden = value !== "applied")),
      },
    );
    const place = h("div");
    const settle = h("button.primary", { type: "submit" }, "Settle it");
    return h(
      "form.decision.stack",
      { "aria-label": "Settle this write", onsubmit: (event) => (event.preventDefault(), send()) },
      h("h3", {}, "It waits for a decision"),
      h(
        "p.fine",
        {},
        "Look at the vendor first. If it was not applied, its key is free again; if it was, its caller is answered by reading the record.",
      ),
      outcomes,
      which,
      field("How you know (recorded)", reason),
      h("div.row", {}, settle),
      place,
    );

    async function send() {
      const said = {
        outcome,
        reason: reason.value,
        ...(outcome === "applied" ? { opportunity_id: about.value.trim() } : {}),
      };
      settle.disabled = true;
      const answer = await ask("POST", `/v1/operations/${operation.id}/resolve`, {
        body: JSON.stringify(said),
      });
      settle.disabled = false;
      if (!answer.ok) return fill(place, problem(answer.problem));
      await load();
      await open(operation.id);
      return say(`Settled: ${answer.json.state.replaceAll("_", " ")}`);
    }
  }

  return { element, seen: () => load() };
}

/** What happened, in the order in which it did. */
function timeline({
  created_at: created,
  dispatched_at: sent,
  settled_at: settled,
  evidence,
  state,
}) {
  const marks = [
    [created, "asked", "The caller’s request came in."],
    ...(sent ? [[sent, "sent", "It left for the vendor."]] : []),
    ...evidence.map(({ at, kind, detail }) => [at, kind, detail]),
    ...(settled ? [[settled, state, "It is settled."]] : []),
  ];
  return marks.sort(([one], [other]) => new Date(one) - new Date(other));
}
