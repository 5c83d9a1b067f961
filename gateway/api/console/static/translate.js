// Translate: what a draft or patch becomes at each vendor, and what a vendor's record becomes here.

import { abouts } from "./abouts.js";
import { fill, h, say } from "./dom.js";
import { editor } from "./editor.js";
import { written } from "./exact.js";
import { ask } from "./gateway.js";
import { OPERATIONS, asked, patchOf } from "./operations.js";
import { chips, empty, problem, values, waiting } from "./parts.js";
import { complaints, show } from "./translation.js";
import { vocabulary } from "./vocabulary.js";

export const TITLE = "Translate";
export const LEAD =
  "See the exact vendor requests of a write before anything is sent, or what a vendor’s record " +
  "says in the gateway’s words.";
export const ICON = "M3 6h10m0 0-3-3m3 3-3 3M17 14H7m0 0 3-3m-3 3 3 3";

const HANDLINGS = [
  ["strict", "Refuse"],
  ["lenient", "Leave out"],
];
const NOTHING = { names: () => [], values: () => [] };
/** Operation → how the field for an opportunity is called, and the button that loads it. */
const ABOUT = {
  update: { label: "Opportunity at", button: "Load" },
  delete: { label: "Opportunity at" },
  read: { label: "Load a record of", button: "Load its record" },
};

export function build(house) {
  if (!house.may("opportunities:read")) {
    return { element: empty("Translating needs the scope opportunities:read.") };
  }
  const names = house.connections.map(({ name }) => name);
  let operation = "create";
  const texts = Object.fromEntries(
    Object.entries(OPERATIONS).map(([name, { start }]) => [name, start && written(start)]),
  );

  const connections = chips(
    "Connections",
    names.map((name) => [name, name]),
    { kind: "checkbox", chosen: names.slice(0, 2), onchange: suit },
  );
  const operations = chips(
    "Operation",
    Object.entries(OPERATIONS).map(([name, { label }]) => [name, label]),
    { chosen: operation, onchange: ([name]) => switchTo(name) },
  );
  const handling = chips("What the vendor cannot take", HANDLINGS, { chosen: "strict" });
  const meant = abouts({
    onload: (found) => type(written(operation === "read" ? found.raw : patchOf(found))),
    ontrouble: (told) => fill(results, problem(told)),
  });
  const about = h("div.abouts");
  const pad = editor({
    label: OPERATIONS.create.text,
    text: texts.create,
    onrun: run,
    onedit: () => (texts[operation] = pad.text),
  });
  const file = h("input", { type: "file", accept: ".json,application/json", onchange: loadFile });
  const results = h(
    "section.results",
    { "aria-label": "Translations", "aria-live": "polite" },
    empty("Nothing is sent that changes anything at a vendor: this is a rehearsal."),
  );
  const start = h("button.primary", { type: "submit" }, "Translate");
  const element = h(
    "div.translate",
    {},
    h(
      "form.card.stack",
      { onsubmit: (event) => (event.preventDefault(), run()) },
      [connections, operations, handling, about, pad.element],
      h("div.row", {}, start, h("label.file", {}, "Load a file", file)),
    ),
    results,
  );

  const chosen = () => values(connections);

  /** Suits the form and the editor's words to what is chosen. */
  async function suit() {
    const wanted = chosen();
    const { model, text } = OPERATIONS[operation];
    const fields = ABOUT[operation];
    fill(about, fields ? wanted.map((name) => meant.control(name, fields)) : null);
    pad.element.hidden = !text;
    const words = model ? await vocabulary(model, wanted) : NOTHING;
    if (String(wanted) === String(chosen()) && model === OPERATIONS[operation].model) {
      pad.words = words;
    }
  }

  function switchTo(name) {
    operation = name;
    const { text } = OPERATIONS[name];
    if (text) {
      pad.label = text;
      pad.text = texts[name];
    }
    suit();
  }

  function type(text) {
    texts[operation] = text;
    pad.text = text;
  }

  async function loadFile() {
    type(await file.files[0].text());
    file.value = "";
    say("Loaded");
  }

  async function run() {
    const wanted = house.connections.filter(({ name }) => chosen().includes(name));
    if (!wanted.length) return fill(results, empty("Choose at least one connection."));
    if (OPERATIONS[operation].text && pad.isBroken) return pad.focus();
    pad.complain([]);
    const columns = wanted.map(({ name }) =>
      h("article.card.result", { "aria-label": name }, waiting()),
    );
    fill(results, columns);
    const found = await Promise.all(wanted.map((each, place) => translated(each, columns[place])));
    pad.complain(found.flat().filter(isFirst));
    return say(`Translated for ${wanted.map(({ name }) => name).join(", ")}`);
  }

  /** Shows what becomes of it at one connection; what is wrong with the text. */
  async function translated(connection, column) {
    const { name } = connection;
    const wanted = {
      operation,
      handling: values(handling)[0],
      text: pad.text,
      about: meant.of(name),
    };
    const path = `/v1/connections/${name}/translations`;
    const answer = await ask("POST", path, { body: asked(wanted) });
    show(column, connection, wanted, answer);
    return complaints(answer);
  }

  suit();
  return {
    element,
    /** Takes an opportunity to be changed. */
    take({ connection, id }) {
      meant.set(connection, id);
      for (const box of connections.querySelectorAll("input")) {
        box.checked = box.value === connection;
      }
      operations.querySelector("[value=update]").checked = true;
      switchTo("update");
    },
  };
}

const isFirst = ({ pointer, detail }, place, all) =>
  all.findIndex((other) => other.pointer === pointer && other.detail === detail) === place;
