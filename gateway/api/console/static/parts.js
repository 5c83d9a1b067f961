// What several panels show alike.

import { digits, isNumber, written } from "./exact.js";
import { h, newId } from "./dom.js";
import { tokens } from "./places.js";

/** JSON in colours: the text of it, cut into tokens. */
export function inked(text) {
  const all = [...tokens(text)];
  return all.map(({ kind, spelled }, place) => {
    if (kind === "blank") return spelled;
    const next = all.slice(place + 1).find((each) => each.kind !== "blank");
    const shade = kind === "string" && next?.kind === ":" ? "name" : kind;
    return ["name", "string", "number", "word", "wrong"].includes(shade)
      ? h(`span.ink-${shade}`, {}, spelled)
      : spelled;
  });
}

/** A value as JSON; a keyboard can scroll it. */
export function json(value, label) {
  return h(
    "pre.json",
    { tabindex: 0, role: "region", "aria-label": label },
    h("code", {}, inked(written(value))),
  );
}

const TONES = {
  ready: "good",
  succeeded: "good",
  accepted: "good",
  closed: "good",
  won: "good",
  applied: "good",
  degraded: "warn",
  indeterminate: "warn",
  running: "plain",
  open: "plain",
  on_hold: "warn",
  unauthorized: "bad",
  failed: "bad",
  refused: "bad",
  lost: "bad",
  disabled: "mute",
  not_applied: "mute",
};

/** A state as a badge; the word says what its colour says. */
export function badge(word, tone = TONES[word] ?? "mute") {
  return h(`span.badge.${tone}`, {}, String(word).replaceAll("_", " "));
}

/** The sign of a vendor: how its name begins, on a colour made of all of it. */
export function sign(vendor) {
  const mixed = [...vendor].reduce(
    (found, letter) => (found * 53 + letter.charCodeAt(0)) % 10007,
    0,
  );
  const hue = (mixed * 47) % 360;
  return h(
    "span.sign",
    { "aria-hidden": "true", vars: { hue } },
    vendor[0].toUpperCase() + vendor.slice(1, 2),
  );
}

/** An HTTP method. */
export const verb = (method) => h(`span.verb.${method.toLowerCase()}`, {}, method);

const STEPS = [
  ["second", 60],
  ["minute", 60],
  ["hour", 24],
  ["day", Infinity],
];
const AGO = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** A time as people say it, with the exact one behind it. */
export function when(instant) {
  let left = (new Date(instant) - Date.now()) / 1000;
  for (const [unit, size] of STEPS) {
    if (Math.abs(left) < size) {
      return h("time", { datetime: instant, title: instant }, AGO.format(Math.round(left), unit));
    }
    left /= size;
  }
  return h("time", { datetime: instant }, instant);
}

/** A value as people read it: exact, with its currency and period. */
export function worth(value) {
  if (!value?.amount) return null;
  const period = { one_time: "", monthly: " a month", annual: " a year" }[value.period] ?? "";
  return `${grouped(value.amount)}${value.currency ? ` ${value.currency}` : ""}${period}`;
}

/** The digits of an amount in groups of three. */
export const grouped = (amount) =>
  amount.replace(/^(-?\d+)/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ","));

/** A number as it was written, or any other value as text. */
export const plain = (value) => (isNumber(value) ? digits(value) : String(value));

/** A problem (RFC 9457): what is wrong, with what, and what may stand there instead. */
export function problem(told, { quiet = false } = {}) {
  const faults = (told.errors ?? []).map(({ pointer, parameter, header, detail, allowed }) =>
    h(
      "li",
      {},
      h("code", {}, pointer ?? parameter ?? header ?? ""),
      ` ${detail}`,
      allowed?.length
        ? h(
            "span.allowed",
            {},
            " Allowed: ",
            allowed.map((each) => h("code", {}, plain(each))),
          )
        : null,
    ),
  );
  return h(
    "div.problem",
    quiet ? {} : { role: "alert" },
    h(
      "p.problem-title",
      {},
      h("strong", {}, told.title),
      told.status ? h("span.badge.bad", {}, String(told.status)) : null,
    ),
    h("p", {}, told.detail ?? ""),
    faults.length ? h("ul", {}, faults) : null,
    told.code
      ? h(
          "p.fine",
          {},
          h("a", { href: `/problems/${told.code}`, target: "_blank" }, told.code),
          told.request_id ? ` · ${told.request_id}` : "",
        )
      : null,
  );
}

/** A control with its label above it. */
export function field(label, control, note) {
  control.id ||= newId("field");
  return h(
    "div.field",
    {},
    h("label", { for: control.id }, label),
    control,
    note ? h("p.fine", {}, note) : null,
  );
}

/** A drop-down list of `[value, label]` pairs. */
export function choice(options, chosen, onchange) {
  const list = options.map(([value, label]) =>
    h("option", { value, selected: value === chosen }, label),
  );
  return h("select", { onchange: (event) => onchange(event.target.value) }, list);
}

/** Some of `[value, label]`, as chips: one of them where `kind` is radio. */
export function chips(legend, options, { kind = "radio", chosen, required = false, onchange = () => {} }) {
  const name = newId("chips");
  const picked = new Set([chosen].flat());
  const chip = ([value, label]) => {
    const input = h("input", { type: kind, name, value, required, checked: picked.has(value) });
    input.addEventListener("change", () => onchange(values(box)));
    return h("label.chip", {}, input, h("span", {}, label));
  };
  const box = h("fieldset.chips", {}, h("legend", {}, legend), h("div", {}, options.map(chip)));
  return box;
}

/** What is chosen among chips: a list. */
export const values = (box) =>
  [...box.querySelectorAll("input:checked")].map((input) => input.value);

/** A button that copies a text; nothing where the browser keeps its clipboard to itself. */
export function copying(text) {
  if (!navigator.clipboard) return null;
  const button = h(
    "button.small",
    { type: "button", onclick: copy, "aria-live": "polite" },
    "Copy",
  );
  async function copy() {
    await navigator.clipboard.writeText(text());
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  }
  return button;
}

/** Facts as `[name, value]` pairs; those without a value are left out. */
export const facts = (pairs) =>
  h(
    "dl.facts",
    {},
    pairs
      .filter(([, value]) => value !== null && value !== "")
      .map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  );

/** Said where there is nothing to show. */
export const empty = (...words) => h("p.empty", {}, words);

/** A word on something that takes a while. */
export const waiting = () =>
  h("p.empty", {}, h("span.spinner", { "aria-hidden": "true" }), "Asking the gateway…");
