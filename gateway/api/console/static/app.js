// The way in, the panels, and the way between them. Which panel is seen stands in the address, so
// that one can go back and forth; the key never does.

import { fill, h, say } from "./dom.js";
import { ask, useKey } from "./gateway.js";
import { badge, field, problem } from "./parts.js";
import { forgetCatalogues } from "./vocabulary.js";
import * as connections from "./connections.js";
import * as opportunities from "./opportunities.js";
import * as translate from "./translate.js";
import * as vendors from "./vendors.js";
import * as writes from "./writes.js";

const SCOPE = "console";
const PANELS = { translate, vendors, connections, writes, opportunities };

const content = document.getElementById("content");
const places = document.getElementById("places");
const who = document.getElementById("who");

/** What panels know of each other and of who looks: made anew for each key. */
let house = null;

function gate(told) {
  const key = h("input", {
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    required: true,
  });
  const outcome = h("div", {}, told);
  const enter = h("button.primary", { type: "submit" }, "Open the console");
  const form = h(
    "form.gate.card",
    { onsubmit: (event) => (event.preventDefault(), open()) },
    h("h1", {}, "See what the gateway does"),
    h(
      "p",
      {},
      "Translations, connections, writes and opportunities, as the API tells them to the caller whose key you paste.",
    ),
    field(
      "Caller key",
      key,
      "Kept in the memory of this page only: never stored, never in the address. A reload forgets it.",
    ),
    enter,
    outcome,
    h(
      "p.fine",
      {},
      "The caller needs the scope ",
      h("code", {}, SCOPE),
      ". ",
      h("a", { href: "/docs" }, "Documentation"),
    ),
  );
  async function open() {
    enter.disabled = true;
    useKey(key.value.trim());
    const answer = await ask("GET", "/v1/caller");
    enter.disabled = false;
    const refusal = answer.problem ?? lacking(answer.json);
    if (!refusal) return welcome(answer.json);
    useKey("");
    fill(outcome, problem(refusal));
    return key.focus();
  }
  places.hidden = true;
  document.title = "Console · opportunity-gateway";
  fill(who);
  fill(content, form);
  key.focus();
}

function lacking(caller) {
  if (caller.scopes.includes(SCOPE)) return null;
  return {
    title: "This caller may not use the console",
    detail: `The key is good and belongs to ${caller.name}, which lacks the scope ${SCOPE}.`,
  };
}

async function welcome(caller) {
  const may = (scope) => caller.scopes.includes(scope);
  const listed = may("opportunities:read")
    ? await ask("GET", "/v1/connections")
    : { json: { items: [] } };
  house = { caller, may, connections: listed.json?.items ?? [], built: {}, go };
  fill(
    who,
    h("span", {}, caller.name),
    caller.scopes.filter((scope) => scope !== SCOPE).map((scope) => badge(scope, "mute")),
    h("button.small", { type: "button", onclick: leave }, "Forget the key"),
  );
  fill(
    places,
    h(
      "ul",
      {},
      Object.entries(PANELS).map(([name, panel]) =>
        h("li", {}, h("a", { href: `#${name}` }, icon(panel.ICON), panel.TITLE)),
      ),
    ),
  );
  places.hidden = false;
  show();
  say(`Signed in as ${caller.name}`);
}

const icon = (path) =>
  h("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" }, h("path", { d: path }));

function leave() {
  useKey("");
  house = null;
  forgetCatalogues();
  gate(null);
  say("The key is forgotten");
}

const named = () => (location.hash.slice(1) in PANELS ? location.hash.slice(1) : "translate");

function show() {
  const name = named();
  const panel = PANELS[name];
  for (const link of places.querySelectorAll("a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${panel.TITLE} · Console · opportunity-gateway`;
  house.built[name] ??= panel.build(house);
  fill(content, h("h1", {}, panel.TITLE), h("p.lead", {}, panel.LEAD), house.built[name].element);
  house.built[name].seen?.();
}

/** Goes to another panel, and hands it something. */
function go(name, given) {
  house.built[name] ??= PANELS[name].build(house);
  house.built[name].take(given);
  if (location.hash === `#${name}`) show();
  else location.hash = name;
}

addEventListener("hashchange", () => {
  if (!house || location.hash === "#content") return;
  show();
  content.focus();
  scrollTo(0, 0);
});

gate(null);
