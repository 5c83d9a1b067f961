// The board: a column for each stage, a card for each opportunity, and the three ways to move one:
// by mouse, by keys, and by the list of stages that each card has.

import { fill, h, newId, say } from "./dom.js";
import { sum } from "./exact.js";
import { choice, worth } from "./parts.js";

const KIND = "text/plain";
const PICKED =
  "Picked up. Left and right choose a stage, Space drops it there, Escape lets it go again.";

export const titleOf = ({ name, account, vendor_id: id }) => name ?? account?.name ?? id;
export const stageName = (stage) => stage?.name ?? stage?.id ?? "no stage";

/** A board that asks for moves (`move(id, stage)`, null where there are none) and looks. */
export function board({ move, look }) {
  const element = h("div.board", { role: "group", "aria-label": "Board" });
  let stages = [];
  let held = null;

  function draw(columns, records) {
    stages = columns;
    fill(
      element,
      stages.map((stage) =>
        column(
          stage,
          records.filter((each) => each.stage?.id === stage.id),
        ),
      ),
    );
  }

  function column(stage, records) {
    const heading = h("h2", { id: newId("stage") }, stageName(stage));
    const box = h(
      "section.column",
      {
        "aria-labelledby": heading.id,
        "data-status": stage.status,
        ondragover: (event) => (event.preventDefault(), box.classList.add("over")),
        ondragleave: () => box.classList.remove("over"),
        ondrop: (event) => dropped(event, box, stage),
      },
      h(
        "header",
        {},
        heading,
        h("span.count", {}, String(records.length)),
        h("p.fine", {}, total(records)),
      ),
      h("ul", {}, records.map(card)),
    );
    return box;
  }

  function dropped(event, box, stage) {
    event.preventDefault();
    box.classList.remove("over");
    move?.(event.dataTransfer.getData(KIND), stage);
  }

  function card(record) {
    const title = titleOf(record);
    const value = worth(record.value);
    const due = record.expected_close_date;
    const facts = [record.owner?.name ?? record.owner?.email, due && `by ${due}`].filter(Boolean);
    const told = [title, value ?? "no value", stageName(record.stage)].join(", ");
    const details = {
      type: "button",
      onclick: () => look(record),
      "aria-label": `${title}, details`,
    };
    return h(
      "li.deal",
      {
        draggable: Boolean(move),
        tabindex: 0,
        "data-id": record.id,
        "aria-label": move ? `${told}. Space picks it up.` : told,
        onkeydown: (event) => pressed(event, record),
        ondragstart: (event) => event.dataTransfer.setData(KIND, record.id),
      },
      h("button.title", details, title),
      h("span.worth", {}, value ?? "–"),
      facts.length ? h("small", {}, facts.join(" · ")) : null,
      move ? listOfStages(record, title) : null,
    );
  }

  function listOfStages(record, title) {
    const options = stages.map((stage) => [stage.id, stageName(stage)]);
    const to = (id) => stages.find((stage) => stage.id === id);
    const list = choice(options, record.stage?.id, (id) => move(record.id, to(id)));
    list.setAttribute("aria-label", `Stage of ${title}`);
    return list;
  }

  function pressed(event, record) {
    if (event.target !== event.currentTarget) return;
    const acts = held?.id === record.id ? whileHeld(record) : { Enter: () => look(record) };
    if (move && !held) acts[" "] = () => pick(record);
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }

  const whileHeld = (record) => ({
    " ": () => drop(record),
    Enter: () => drop(record),
    Escape: () => letGo("It stays where it is."),
    ArrowRight: () => aim(Math.min(held.at + 1, stages.length - 1)),
    ArrowLeft: () => aim(Math.max(held.at - 1, 0)),
  });

  function pick(record) {
    held = { id: record.id, at: stages.findIndex(({ id }) => id === record.stage?.id) };
    cardOf(record.id).classList.add("held");
    say(PICKED);
  }

  function aim(at) {
    held.at = at;
    clear("over");
    element.children[at].classList.add("over");
    element.children[at].scrollIntoView({ block: "nearest", inline: "nearest" });
    say(stageName(stages[at]));
  }

  function letGo(words) {
    clear("held");
    clear("over");
    held = null;
    if (words) say(words);
  }

  function drop(record) {
    const stage = stages[held.at];
    letGo();
    move(record.id, stage);
  }

  const cardOf = (id) => element.querySelector(`[data-id="${CSS.escape(id)}"]`);

  function clear(mark) {
    for (const each of element.querySelectorAll(`.${mark}`)) each.classList.remove(mark);
  }

  element.addEventListener("focusout", () => held && letGo("It stays where it is."));

  return { element, draw, cardOf };
}

/** What cards come to, for each currency and period by itself. */
function total(records) {
  const kinds = new Map();
  for (const { value } of records.filter((each) => each.value?.amount)) {
    const kind = `${value.currency} ${value.period}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), value]);
  }
  const sums = [...kinds.values()].map((all) =>
    worth({ ...all[0], amount: sum(all.map(({ amount }) => amount)) }),
  );
  return sums.join(" + ") || "nothing valued";
}
