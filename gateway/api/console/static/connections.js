// Connections: how each fares, what is left of its limits, and a look at the vendor on demand.

import { fill, h, say } from "./dom.js";
import { ask } from "./gateway.js";
import { badge, empty, facts, problem, sign, when } from "./parts.js";

export const TITLE = "Connections";
export const LEAD =
  "How each account at a vendor fares, as this replica sees it. A check asks the vendor, at most once a minute.";
export const ICON = "M7 13a3 3 0 0 1 0-4l2-2a3 3 0 0 1 4 4M13 7a3 3 0 0 1 0 4l-2 2a3 3 0 0 1-4-4";

const SCOPES = { credential: "by key", group: "by company", egress: "by address" };

export function build(house) {
  const cards = h("div.cards");
  const summary = h("p.summary", { role: "status" });
  const again = h("button", { type: "button", onclick: seen }, "Look again");
  const element = h("div", {}, h("div.row.between", {}, summary, again), cards);

  async function seen() {
    if (!house.may("opportunities:read"))
      return fill(cards, empty("Connections need the scope opportunities:read."));
    const answer = await ask("GET", "/v1/connections");
    if (!answer.ok) return fill(cards, problem(answer.problem));
    const { items } = answer.json;
    const ill = items.filter(({ state }) => state !== "ready").length;
    summary.textContent = `${items.length} connections, ${ill ? `${ill} not ready` : "all ready"}`;
    return fill(cards, items.length ? items.map(card) : empty("This caller sees no connection."));
  }
  return { element, seen };
}

function card(connection) {
  const box = h("section.card.connection", { "aria-label": connection.name });
  draw(box, connection);
  return box;
}

function draw(box, connection) {
  const { name, vendor, state, reason, limits, breaker, credential } = connection;
  const check = h(
    "button.small",
    {
      type: "button",
      onclick: () => checked(box, name, check),
      "aria-label": `Check now: ${name}`,
    },
    "Check now",
  );
  const outcome = h("div.outcome");
  fill(
    box,
    h("header", {}, h("h2", {}, sign(vendor), name), badge(state)),
    reason ? h("p.reason", {}, reason) : null,
    h(
      "div.gauges",
      {},
      limits.map((limit) => gauge(limit, name)),
    ),
    facts([
      ["Vendor", vendor],
      ["Breaker", badge(breaker, breaker === "open" ? "bad" : "good")],
      ["Credential", [badge(credential.state), until(credential.expires_at)]],
      ["Last success", connection.last_success ? when(connection.last_success) : "none yet"],
      ["Last error", connection.last_error ? lastError(connection.last_error) : "none"],
      ["Currency", connection.currency ?? "several, or none"],
      ["Time zone", connection.timezone],
      ["Writes", connection.read_only ? badge("read only", "warn") : null],
    ]),
    h("footer.row", {}, check),
    outcome,
  );
}

const until = (instant) => (instant ? [" until ", when(instant)] : []);

const lastError = ({ at, code }) => [
  h("a", { href: `/problems/${code}`, target: "_blank" }, code),
  " ",
  when(at),
];

const UNITS = [
  [86400, "a day", "days"],
  [3600, "an hour", "hours"],
  [60, "a minute", "minutes"],
  [1, "a second", "seconds"],
];

/** A number of seconds as people say it. */
function span(seconds) {
  const [size, one, many] = UNITS.find(([each]) => seconds % each === 0);
  return seconds === size ? one : `${seconds / size} ${many}`;
}

/** What is left of a limit; a vendor that publishes none has no gauge to show. */
function gauge({ scope, limit, left, window_seconds: seconds }, name) {
  const kind = SCOPES[scope] ?? scope;
  if (limit === null || left === null)
    return h("p.fine", {}, `${kind}: the vendor publishes no limit`);
  const label = `${left} of ${limit} left${seconds ? ` in ${span(seconds)}` : ""}, ${kind}`;
  return h(
    "div.gauge",
    {},
    h("span", {}, label),
    h("meter", {
      min: 0,
      max: limit,
      low: limit * 0.25,
      high: limit * 0.5,
      optimum: limit,
      value: left,
      "aria-label": `${name}: ${label}`,
    }),
  );
}

async function checked(box, name, button) {
  button.disabled = true;
  const answer = await ask("GET", `/v1/connections/${name}?check=true`);
  button.disabled = false;
  if (!answer.ok) return fill(box.querySelector(".outcome"), problem(answer.problem));
  draw(box, answer.json);
  box.querySelector("button").focus();
  return say(`${name} was checked: ${answer.json.state}`);
}
