// Which opportunity of each connection is meant: typed, or chosen from those that there are.

import { h, say } from "./dom.js";
import { ask } from "./gateway.js";
import { choice, field } from "./parts.js";

const OFFERED = 25;

/** A field for each connection; `onload` is handed an opportunity with the vendor's record. */
export function abouts({ onload, ontrouble }) {
  const meant = new Map();

  function control(connection, { label, button }) {
    const input = h("input", {
      value: meant.get(connection) ?? "",
      spellcheck: "false",
      autocomplete: "off",
      oninput: () => meant.set(connection, input.value.trim()),
    });
    const pick = choice([["", "Choose…"]], "", (id) => {
      if (id) input.value = id;
      meant.set(connection, input.value);
    });
    pick.setAttribute("aria-label", `Opportunities of ${connection}`);
    offer(connection, pick);
    const load = h("button.small", { type: "button", onclick: () => loaded(connection) }, button);
    const box = field(`${label} ${connection}`, input);
    box.append(h("div.row", {}, pick, button ? load : null));
    return box;
  }

  async function offer(connection, pick) {
    const page = await ask("GET", `/v1/opportunities?connection=${connection}&limit=${OFFERED}`);
    const items = page.ok ? page.json.items : [];
    const options = items.map(({ id, name, account }) => [id, name ?? account?.name ?? id]);
    pick.append(...options.map(([value, label]) => h("option", { value }, label)));
  }

  async function loaded(connection) {
    const id = meant.get(connection);
    if (!id) return say("Choose an opportunity first");
    const answer = await ask("GET", `/v1/opportunities/${encodeURIComponent(id)}?include=raw`);
    if (!answer.ok) return ontrouble(answer.problem);
    onload(answer.json);
    return say("Loaded");
  }

  return {
    control,
    of: (connection) => meant.get(connection),
    set: (...pair) => meant.set(...pair),
  };
}
