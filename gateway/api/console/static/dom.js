// Elements made of data. Nothing here takes markup, so that no text can become any.

const SVG = "http://www.w3.org/2000/svg";
const DRAWN = new Set(["svg", "path", "circle"]);
const PROPERTIES = new Set(["value", "checked", "hidden", "disabled", "selected", "draggable"]);

/** An element: `h("button.quiet", { onclick, "aria-label": "…" }, "text", child, [more])`. */
export function h(kind, given = {}, ...children) {
  const [name, ...classes] = kind.split(".");
  const element = DRAWN.has(name)
    ? document.createElementNS(SVG, name)
    : document.createElement(name);
  if (classes.length) element.setAttribute("class", classes.join(" "));
  for (const [key, value] of Object.entries(given)) set(element, key, value);
  element.append(...shown(children));
  return element;
}

function set(element, key, value) {
  if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
  else if (PROPERTIES.has(key)) element[key] = value;
  else if (key === "vars") {
    for (const [name, each] of Object.entries(value)) element.style.setProperty(`--${name}`, each);
  } else if (value !== false && value != null) {
    element.setAttribute(key, value === true ? "" : value);
  }
}

function shown(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false);
}

/** Puts other children into an element. */
export function fill(element, ...children) {
  element.replaceChildren(...shown(children));
  return element;
}

/** Tells those who do not see what has changed. */
export function say(text) {
  const place = document.getElementById("said");
  place.textContent = "";
  setTimeout(() => (place.textContent = text), 50); // the same words once more are news too
}

let ids = 0;
/** An id that no other element has. */
export const newId = (word) => `${word}-${++ids}`;
