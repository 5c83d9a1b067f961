// One translation as it is shown: what would be sent, or what is refused and why.

import { fill, h } from "./dom.js";
import { badge, chips, copying, empty, facts, json, problem, sign, verb } from "./parts.js";
import { callOf } from "./operations.js";
import { PROGRAMS } from "./programs.js";

/** Fills a column with the answer to a translation that was wanted of a connection. */
export function show(column, { name, vendor }, wanted, answer) {
  fill(
    column,
    h("h2", {}, sign(vendor), name, outcome(wanted, answer)),
    answer.ok
      ? [translation(answer.json, name), program(callOf(wanted, name))]
      : problem(relative(answer.problem), { quiet: true }),
  );
}

/** What is wrong with the text, by pointers that lead into it. */
export const complaints = (answer) =>
  answer.ok
    ? []
    : (relative(answer.problem).errors ?? []).filter(({ pointer }) => pointer !== undefined);

/** A problem whose pointers lead into the text, not into the translation around it. */
const relative = (told) => ({
  ...told,
  errors: told.errors?.map((each) => ({
    ...each,
    pointer: each.pointer?.replace(/^\/(?:body|record)(?=\/|$)/, ""),
  })),
});

function outcome({ operation }, { ok, json: told }) {
  if (!ok) return badge("refused", "bad");
  if (operation === "read") return badge("read", "good");
  const count = told.requests.length;
  return badge(count === 1 ? "1 request" : `${count} requests`, "good");
}

function translation({ requests, warnings, side_effects: effects, opportunity }, name) {
  const warned = warnings.map(({ code, pointer, detail }) => [
    h("code", {}, pointer ?? code),
    ` ${detail}`,
  ]);
  return [
    opportunity ? json(opportunity, `Canonical opportunity of ${name}`) : null,
    requests.length || opportunity ? null : empty("No request: nothing would change."),
    requests.map((each, place) => request(each, `Body of request ${place + 1} to ${name}`)),
    noted("Warnings", "warn", warned),
    noted("Side effects", "plain", effects),
  ];
}

function request({ method, url, headers, body }, label) {
  const lines = Object.entries(headers).map(([name, value]) => [name, h("code", {}, value)]);
  return h(
    "div.request",
    {},
    h("p.url", {}, verb(method), h("code", {}, url)),
    h("details", {}, h("summary", {}, "Headers"), facts(lines)),
    body === null ? null : json(body, label),
  );
}

function noted(title, tone, lines) {
  if (!lines.length) return null;
  const items = lines.map((line) => h("li", {}, line));
  return h(`div.noted.${tone}`, {}, h("h3", {}, title), h("ul", {}, items));
}

/** A call as a program to take along, in the language that one chooses. */
function program(call) {
  const text = h("code");
  const draw = ([language]) => (text.textContent = PROGRAMS[language](call));
  const names = Object.keys(PROGRAMS).map((each) => [each, each]);
  const languages = chips("Language", names, { chosen: names[0][0], onchange: draw });
  const copy = copying(() => text.textContent);
  draw(names[0]);
  return h(
    "details.program",
    {},
    h("summary", {}, "As a program"),
    h("div.row", {}, languages, copy),
    h("pre.json", { tabindex: 0, role: "region", "aria-label": "Program" }, text),
  );
}
