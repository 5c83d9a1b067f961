// A text field for JSON. What one sees is ink that lies behind the real text area, line by line, so
// that a line can be coloured, numbered and given a note, while typing stays the browser's own.

import { fill, h, newId, say } from "./dom.js";
import { inked } from "./parts.js";
import { lineAt, lineOf, survey } from "./places.js";

const SHOWN_WORDS = 8;

/** An editor: `words` is asked for what may stand where, `onrun` is called for Ctrl+Enter. */
export function editor({ label, text = "", onrun, onedit = () => {} }) {
  const id = newId("editor");
  const ink = h("pre.ink", { "aria-hidden": "true" });
  const list = h("ul.words", {
    id: `${id}-words`,
    role: "listbox",
    "aria-label": "What may stand here",
    hidden: true,
  });
  const area = h("textarea", {
    id,
    spellcheck: "false",
    autocomplete: "off",
    autocapitalize: "off",
    "aria-autocomplete": "list",
    "aria-controls": list.id,
    "aria-describedby": `${id}-help ${id}-faults`,
  });
  const faults = h("ol.faults", { id: `${id}-faults`, "aria-live": "polite" });
  const help = h(
    "p.fine",
    { id: `${id}-help` },
    "Ctrl+Space completes, Ctrl+Enter translates, Escape then Tab leaves.",
  );
  const sheet = h("div.sheet", {}, ink, area);
  const frame = h("div.frame", {}, sheet, list);
  const title = h("label", { for: id }, label);
  const element = h("div.editor", {}, title, frame, faults, help);

  let words = { names: () => [], values: () => [] };
  let complaints = [];
  let offered = [];
  let chosen = 0;
  let here = null;
  let awaiting = null; // how words were asked for of which there were none as yet

  function draw() {
    const { places, fault } = survey(area.value);
    const own =
      fault && area.value.trim()
        ? [{ line: lineOf(area.value, fault.offset), detail: fault.detail }]
        : [];
    const theirs = complaints.map((each) => ({
      ...each,
      line: lineAt(area.value, places, each.pointer),
    }));
    const told = own.length ? own : theirs;
    fill(
      ink,
      area.value.split("\n").map((line, number) =>
        drawn(
          line,
          told.filter((each) => each.line === number),
        ),
      ),
    );
    for (const note of ink.querySelectorAll(".note"))
      note.style.setProperty("--room", `${roomAfter(note)}px`);
    fill(faults, told.map(complaint));
    area.setAttribute("aria-invalid", String(told.length > 0));
  }

  /** The width that is left behind a line; too little for words is none. */
  function roomAfter(note) {
    const room = ink.getBoundingClientRect().right - note.getBoundingClientRect().left - 12;
    return room < 96 ? 0 : room;
  }

  function drawn(line, told) {
    const note = told.length
      ? h("span.note", {}, told.map((each) => each.detail).join("; "))
      : null;
    return h(told.length ? "span.line.wrong" : "span.line", {}, inked(line), note, "\n");
  }

  function complaint({ line, pointer, detail, allowed = [] }) {
    const go = h(
      "button.line-link",
      { type: "button", onclick: () => goTo(line) },
      `Line ${line + 1}`,
    );
    const instead = allowed.length
      ? h(
          "span.allowed",
          {},
          " Allowed: ",
          allowed.map((each) => h("code", {}, String(each))),
        )
      : null;
    return h("li", {}, go, pointer ? h("code", {}, pointer) : null, ` ${detail}`, instead);
  }

  function goTo(line) {
    const start = area.value.split("\n").slice(0, line).join("\n").length + (line ? 1 : 0);
    area.focus();
    area.setSelectionRange(start, start + area.value.split("\n")[line].length);
  }

  function offer(isAsked) {
    here = survey(area.value, area.selectionStart).here;
    const known = { name: words.names, value: words.values }[here.role];
    const typed = here.typed.toLowerCase();
    const fitting =
      known && (isAsked || typed || here.end > here.start)
        ? known(here.path).filter(
            ({ word }) =>
              word.toLowerCase().includes(typed) &&
              !(here.role === "name" && here.members.has(word) && word !== here.typed),
          )
        : [];
    offered = fitting
      .sort((one, other) => starts(other, typed) - starts(one, typed))
      .slice(0, SHOWN_WORDS);
    chosen = 0;
    awaiting = offered.length ? null : { isAsked };
    if (offered.length === 1 && offered[0].word === here.typed) offered = [];
    showWords();
    if (offered.length) say(`${offered.length} to choose from`);
  }

  const starts = ({ word }, typed) => Number(word.toLowerCase().startsWith(typed));

  function showWords() {
    list.hidden = offered.length === 0;
    fill(
      list,
      offered.map(({ word, note }, place) =>
        h(
          "li",
          {
            role: "option",
            id: `${list.id}-${place}`,
            "aria-selected": String(place === chosen),
            onmousedown: (event) => (event.preventDefault(), (chosen = place), complete()),
          },
          h("span", {}, word),
          note ? h("small", {}, note) : null,
        ),
      ),
    );
    if (list.hidden) {
      area.removeAttribute("aria-activedescendant");
      return;
    }
    area.setAttribute("aria-activedescendant", `${list.id}-${chosen}`);
    const at = placeOf(here.start);
    list.style.setProperty(
      "--left",
      `${Math.min(at.left, Math.max(0, frame.clientWidth - list.offsetWidth - 8))}px`,
    );
    list.style.setProperty("--top", `${at.bottom}px`);
  }

  /** Where within the frame a character is drawn. */
  function placeOf(offset) {
    const line = lineOf(area.value, offset);
    let left = offset - area.value.split("\n").slice(0, line).join("\n").length - (line ? 1 : 0);
    const range = document.createRange();
    const walker = document.createTreeWalker(ink.children[line], NodeFilter.SHOW_TEXT);
    while (walker.nextNode() && left > walker.currentNode.length) left -= walker.currentNode.length;
    range.setStart(walker.currentNode, Math.min(left, walker.currentNode.length));
    const seen = range.getBoundingClientRect();
    const around = frame.getBoundingClientRect();
    return { left: seen.left - around.left, bottom: seen.bottom - around.top };
  }

  function complete() {
    const { word, opens = "" } = offered[chosen];
    const { role, start, end } = here; // what is typed below changes it
    const quoted = role === "name" || !/^(?:-?\d+|true|false|null)$/.test(word);
    const spelled = quoted ? JSON.stringify(word) : word;
    const isNamed = /^\s*:/.test(area.value.slice(end));
    const added = role === "name" && !isNamed ? `: ${opens}` : "";
    area.setSelectionRange(start, end);
    insert(spelled + added);
    const into = start + spelled.length + added.length - (added && opens ? 1 : 0);
    area.setSelectionRange(into, into);
    close();
    if (added && opens === '""') offer(true);
  }

  /** Types a text where the caret is, so that it can be undone. */
  function insert(text) {
    if (!document.execCommand("insertText", false, text)) area.setRangeText(text);
  }

  function close() {
    offered = [];
    showWords();
  }

  const LIST_KEYS = {
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    Enter: complete,
    Tab: complete,
    Escape: close,
  };

  function move(step) {
    chosen = (chosen + step + offered.length) % offered.length;
    showWords();
  }

  let isLeaving = false;

  function pressed(event) {
    const isCommand = event.ctrlKey || event.metaKey;
    const act = offered.length && !isCommand && LIST_KEYS[event.key];
    if (act) act();
    else if (isCommand && event.key === "Enter") onrun();
    else if (isCommand && event.key === " ") offer(true);
    else if (event.key === "Tab" && !event.shiftKey && !isLeaving) insert("  ");
    else if (event.key === "Enter" && !isCommand) insert(`\n${indent()}`);
    else {
      isLeaving = event.key === "Escape";
      return;
    }
    event.preventDefault();
  }

  function indent() {
    const line = area.value.slice(0, area.selectionStart).split("\n").at(-1);
    return line.match(/^ */)[0] + (/[{[]\s*$/.test(line) ? "  " : "");
  }

  area.addEventListener("keydown", pressed);
  area.addEventListener("input", (event) => {
    complaints = [];
    draw();
    onedit();
    if (event.inputType !== "insertFromPaste") offer(false);
  });
  area.addEventListener("blur", close);
  area.value = text;
  draw();

  return {
    element,
    get text() {
      return area.value;
    },
    set text(given) {
      area.value = given;
      complaints = [];
      draw();
    },
    set words(given) {
      words = given;
      if (awaiting && document.activeElement === area) offer(awaiting.isAsked);
    },
    set label(given) {
      title.textContent = given;
    },
    /** Whether the text is no JSON, which is told at its line already. */
    get isBroken() {
      return survey(area.value).fault !== null;
    },
    /** Shows what is wrong at which pointers; an empty list takes it all back. */
    complain(found) {
      complaints = found;
      draw();
    },
    focus: () => area.focus(),
  };
}
