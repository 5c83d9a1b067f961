// Vendors: what each can do with each field, as a picture of which every cell has a note.

import { fill, h } from "./dom.js";
import { items } from "./gateway.js";
import { badge, empty, facts, sign, waiting } from "./parts.js";

export const TITLE = "Vendors";
export const LEAD =
  "What each vendor can do with each field. Choose a cell for its note; arrow keys move between cells.";
export const ICON = "M3 3h5v5H3zM12 3h5v5h-5zM3 12h5v5H3zM12 12h5v5h-5z";

const ACTIONS = ["read", "create", "update", "clear"];
const SUPPORTS = {
  native: "the vendor has it",
  emulated: "the gateway makes it of several calls",
  derived: "it follows from something else",
  undocumented: "the vendor does not say: tried, and checked",
  unsupported: "it cannot be done, and is refused",
};

export function build(house) {
  const element = h("div.vendors", {}, waiting());
  if (house.may("opportunities:read"))
    items("/v1/vendors").then((vendors) => fill(element, shown(vendors)));
  else fill(element, empty("The vendors need the scope opportunities:read."));
  return { element };
}

const mark = (support) => h("span.mark", { "data-support": support });

function shown(vendors) {
  const note = h("aside.card.cell-note", {
    "aria-live": "polite",
    "aria-label": "The chosen cell",
  });
  const grid = picture(vendors, (vendor, name) => fill(note, told(vendor, name)));
  fill(note, told(vendors[0], grid.fields[0]));
  return [
    h(
      "ul.legend",
      { "aria-label": "Legend" },
      Object.entries(SUPPORTS).map(([support, meaning]) =>
        h("li", {}, mark(support), h("span", {}, h("strong", {}, support), ` ${meaning}`)),
      ),
    ),
    h(
      "div.pictured",
      {},
      h(
        "div.scroll",
        { tabindex: 0, role: "region", "aria-label": "Fields by vendor" },
        grid.table,
      ),
      note,
    ),
    h("h2", {}, "Beyond fields"),
    h("div.cards", {}, vendors.map(beyond)),
  ];
}

/** The table; one cell of it is in the order of the Tab key, and arrows move to the others. */
function picture(vendors, choose) {
  const fields = Object.keys(vendors[0].capabilities.fields);
  const rows = fields.map((name) =>
    vendors.map((vendor) => {
      const can = vendor.capabilities.fields[name];
      const label = `${vendor.title}, ${name}: ${ACTIONS.map((action) => `${action} ${can[action]}`).join(", ")}`;
      return h(
        "button.cell",
        {
          type: "button",
          tabindex: -1,
          "aria-label": label,
          onfocus: (event) => focused(event.target, vendor, name),
        },
        ACTIONS.map((action) => mark(can[action])),
        can.note || can.unit || can.required_on_create
          ? h("span.dot", { "aria-hidden": "true" })
          : null,
      );
    }),
  );
  rows[0][0].tabIndex = 0;
  let current = rows[0][0];

  function focused(cell, vendor, name) {
    current.tabIndex = -1;
    current.removeAttribute("aria-current");
    current = cell;
    cell.tabIndex = 0;
    cell.setAttribute("aria-current", "true");
    choose(vendor, name);
  }

  const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  function moved(event) {
    const step = STEPS[event.key];
    if (!step || !event.target.matches(".cell")) return;
    event.preventDefault();
    const row = rows.findIndex((cells) => cells.includes(event.target));
    rows[row + step[0]]?.[rows[row].indexOf(event.target) + step[1]]?.focus();
  }

  const heads = vendors.map(({ name, title }) =>
    h(
      "th",
      { scope: "col" },
      sign(name),
      title,
      h(
        "span.actions",
        { "aria-hidden": "true" },
        ACTIONS.map((action) => h("span", {}, action[0].toUpperCase())),
      ),
    ),
  );
  const table = h(
    "table.matrix",
    { onkeydown: moved, onclick: (event) => event.target.closest(".cell")?.focus() },
    h(
      "caption",
      {},
      "Each cell: ",
      h("b", {}, "R"),
      "ead, ",
      h("b", {}, "C"),
      "reate, ",
      h("b", {}, "U"),
      "pdate, ",
      h("b", {}, "C"),
      "lear. A dot: there is a note.",
    ),
    h("thead", {}, h("tr", {}, h("td"), heads)),
    h(
      "tbody",
      {},
      fields.map((name, row) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, name),
          rows[row].map((cell) => h("td", {}, cell)),
        ),
      ),
    ),
  );
  return { table, fields };
}

/** The note of a cell. */
function told({ name: vendor, title, capabilities }, name) {
  const can = capabilities.fields[name];
  const known = {
    Unit: can.unit,
    Precision: can.precision,
    "On create": can.required_on_create ? "required" : null,
    "Reads back": can.read === "unsupported" ? null : can.reads_back,
  };
  return [
    h("h2", {}, sign(vendor), title, h("code", {}, name)),
    h(
      "ul.four",
      {},
      ACTIONS.map((action) =>
        h("li", {}, mark(can[action]), h("span", {}, action), h("strong", {}, can[action])),
      ),
    ),
    facts(Object.entries(known)),
    can.note ? h("p", {}, can.note) : h("p.fine", {}, "There is nothing to note."),
  ];
}

function beyond({ name, title, capabilities }) {
  const {
    operations,
    listing,
    idempotency,
    concurrency,
    rate_limits: limits,
    side_effects: effects,
  } = capabilities;
  const window = idempotency.window_seconds ? ` for ${idempotency.window_seconds / 3600} h` : "";
  const known = {
    Delete: capabilities.delete,
    Paging: `${listing.paging}, ${listing.page_size_max} a page`,
    "De-duplicates": idempotency.supported
      ? `${idempotency.methods.join(", ")}${window}`
      : idempotency.marker
        ? "no; a mark finds creates again"
        : "no",
    "If-Match": concurrency.if_match,
    Limits: limits
      .map(({ scope, limit, window_seconds: seconds }) =>
        limit ? `${limit} in ${seconds} s per ${scope}` : `unpublished, per ${scope}`,
      )
      .join("; "),
  };
  return h(
    "section.card",
    { "aria-label": title },
    h("h3", {}, sign(name), title),
    h(
      "ul.operations",
      {},
      Object.entries(operations).map(([operation, support]) =>
        h(
          "li",
          {},
          mark(support),
          `${operation.replaceAll("_", " ")}`,
          h("span.unseen", {}, `: ${support}`),
        ),
      ),
    ),
    facts(Object.entries(known)),
    effects.length
      ? h(
          "details",
          {},
          h("summary", {}, `Side effects (${effects.length})`),
          h(
            "ul",
            {},
            effects.map(({ when, effect }) => h("li", {}, `${when}: ${effect}`)),
          ),
        )
      : badge("no side effects", "mute"),
  );
}
