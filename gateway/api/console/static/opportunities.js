// Opportunities: those of one connection, on a board for each of its pipelines.

import { board, stageName, titleOf } from "./board.js";
import { fill, h, say } from "./dom.js";
import { ask, newKey } from "./gateway.js";
import { moved, refusal } from "./moves.js";
import { choice, empty, field, json, problem, sign, waiting } from "./parts.js";
import { catalogue } from "./vocabulary.js";

export const TITLE = "Opportunities";
export const LEAD =
  "One connection by stage. Drag a card; or focus it, press Space, choose a stage with the arrow " +
  "keys and press Space again.";
export const ICON = "M3 4h4v12H3zM8 4h4v8H8zM13 4h4v10h-4z";

const PAGE = 50;

export function build(house) {
  if (!house.may("opportunities:read")) {
    return { element: empty("Opportunities need the scope opportunities:read.") };
  }
  const names = house.connections.map(({ name }) => [name, name]);
  let connection = names[0]?.[0];
  let pipeline = null;
  let cursor = null;
  let records = new Map();
  const moving = new Set();

  const cards = board({ move: house.may("opportunities:write") ? move : null, look });
  const chooser = h("div");
  const summary = h("p.summary");
  const trouble = h("div");
  const more = h("button", { type: "button", hidden: true, onclick: next }, "Load more");
  const dialog = h("dialog", { "aria-label": "Opportunity" });
  const connections = choice(names, connection, (name) => ((connection = name), open()));
  const element = h(
    "div",
    {},
    h(
      "div.row.filters",
      {},
      field("Connection", connections),
      chooser,
      h("button", { type: "button", onclick: open }, "Look again"),
      summary,
    ),
    [trouble, cards.element, more, dialog],
  );

  async function open() {
    const wanted = connection;
    fill(cards.element, waiting());
    fill(trouble);
    const { pipelines } = await catalogue(wanted);
    if (wanted !== connection) return;
    pipeline = pipelines[0] ?? null;
    records = new Map();
    fill(chooser, pipelines.length > 1 ? choiceOf(pipelines) : null);
    await load({});
  }

  function choiceOf(pipelines) {
    const options = pipelines.map(({ name }, place) => [String(place), name ?? "All stages"]);
    return field(
      "Pipeline",
      choice(options, "0", (place) => ((pipeline = pipelines[place]), draw())),
    );
  }

  function next() {
    load({ cursor });
  }

  async function load(from) {
    const wanted = connection;
    const query = new URLSearchParams({ connection: wanted, limit: PAGE, ...from });
    const answer = await ask("GET", `/v1/opportunities?${query}`);
    if (wanted !== connection) return;
    if (answer.ok) {
      for (const each of answer.json.items) records.set(each.id, each);
      cursor = answer.json.next_cursor;
      more.hidden = !cursor;
    } else {
      fill(trouble, problem(answer.problem));
    }
    draw();
  }

  function draw() {
    const seen = [...records.values()];
    const stages = pipeline?.stages ?? derived(seen);
    const known = new Set(stages.map(({ id }) => id));
    const elsewhere = seen.filter(({ stage }) => !known.has(stage?.id)).length;
    const others = elsewhere ? `, ${elsewhere} in other stages` : "";
    summary.textContent = `${seen.length} opportunities${others}`;
    cards.draw(stages, seen);
  }

  /** Moves a card at once, and puts it where its record is when the answer comes. */
  async function move(id, stage, key = newKey()) {
    const record = records.get(id);
    if (!record || moving.has(id) || record.stage?.id === stage.id) return;
    moving.add(id);
    fill(trouble);
    place({ ...record, stage });
    cards.cardOf(id)?.classList.add("moving");
    const { answer, now } = await moved(record, stage, key);
    moving.delete(id);
    place(now);
    cards.cardOf(id)?.focus();
    if (answer.ok) say(`Moved to ${stageName(now.stage)}`);
    else
      fill(
        trouble,
        refusal(answer, now, () => move(id, stage, key)),
      );
  }

  function place(record) {
    if (!records.has(record.id)) return; // another connection is looked at by now
    records.set(record.id, record);
    draw();
  }

  function look(record) {
    const change = () => (dialog.close(), house.go("translate", record));
    const close = () => dialog.close();
    const url = record.vendor_url;
    const link = { href: url, target: "_blank", rel: "noopener noreferrer" };
    fill(
      dialog,
      h(
        "header",
        {},
        h("h2", {}, sign(record.vendor), titleOf(record)),
        h(
          "div.row",
          {},
          h("button.small", { type: "button", onclick: change }, "Rehearse a change"),
          h("button.small", { type: "button", onclick: close }, "Close"),
        ),
      ),
      url?.startsWith("https://") ? h("p", {}, h("a", link, "Open it at the vendor")) : null,
      json(record, "The opportunity"),
    );
    dialog.showModal();
  }

  let isOpen = false;
  return {
    element,
    seen() {
      if (!isOpen && connection) open();
      isOpen = true;
    },
  };
}

/** The stages that records show, where the vendor lists none. */
function derived(records) {
  const seen = new Map(records.filter(({ stage }) => stage).map(({ stage }) => [stage.id, stage]));
  return [...seen.values()].sort((one, other) => (one.order ?? 0) - (other.order ?? 0));
}
