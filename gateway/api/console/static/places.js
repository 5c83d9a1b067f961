// Where in a text of JSON a pointer (RFC 6901) points, and at what a caret stands: also while the
// text is not whole yet, which is most of the time that somebody types.

const TOKEN = /"(?:\\[^\n]|[^"\\\n])*"?|[-\d][\w.+-]*|[A-Za-z]\w*|[{}[\],:]|\s+|[^]/g;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const WORDS = new Set(["true", "false", "null"]);

/** The tokens of a text: `kind` is string, number, word, blank, a bracket or sign, or wrong. */
export function* tokens(text) {
  for (const { 0: spelled, index: start } of text.matchAll(TOKEN)) {
    yield { kind: kindOf(spelled), spelled, start, end: start + spelled.length };
  }
}

function kindOf(spelled) {
  if (spelled[0] === '"') return "string";
  if (/^[-\d]/.test(spelled)) return "number";
  if (/^[A-Za-z]/.test(spelled)) return "word";
  if (/^\s/.test(spelled)) return "blank";
  return "{}[],:".includes(spelled) ? spelled : "wrong";
}

function isWhole({ kind, spelled }) {
  if (kind === "number") return NUMBER.test(spelled);
  if (kind === "word") return WORDS.has(spelled);
  try {
    return typeof JSON.parse(spelled) === "string";
  } catch {
    return false;
  }
}

const unquoted = (spelled) => {
  try {
    return JSON.parse(spelled);
  } catch {
    return spelled.replace(/^"|"$/g, "");
  }
};

const escaped = (name) => String(name).replaceAll("~", "~0").replaceAll("/", "~1");

/**
 * What a text holds: `places` (pointer → offset of the member's name or of the item), the first
 * `fault` (`offset`, `detail`) if it is not JSON, and what stands `here`, at the caret.
 */
export function survey(text, caret = -1) {
  const walk = new Walk(text);
  let here = null;
  for (const token of tokens(text)) {
    if (!here && caret >= 0 && token.end >= caret) here = walk.seenFrom(caret, token);
    if (token.kind !== "blank") walk.take(token);
  }
  here ??= caret >= 0 ? walk.seenFrom(caret, null) : null;
  walk.end();
  return { places: walk.places, fault: walk.fault, here };
}

class Walk {
  places = new Map();
  fault = null;
  #frames = [{ role: "value", isRoot: true }];

  constructor(text) {
    this.text = text;
  }

  get #frame() {
    return this.#frames.at(-1);
  }

  get #path() {
    return this.#frames.slice(1).map((frame) => (frame.isArray ? frame.index : frame.name));
  }

  seenFrom(caret, token) {
    const typing =
      token && ["string", "word", "number"].includes(token.kind) && token.start < caret;
    const closed = typing && token.kind === "string" && caret === token.end && isWhole(token);
    const start = typing ? token.start : caret;
    const isOpen = typing && token.kind === "string" && !isWhole(token);
    const rest = isOpen ? this.text.slice(caret).match(/^[\w.@-]*/)[0].length : 0;
    const role = closed ? "end" : this.#frame.role;
    return {
      path: role === "name" ? this.#path.slice(0, -1) : this.#path,
      role,
      start,
      end: typing && !isOpen ? token.end : caret + rest,
      typed: this.text.slice(start, caret).replace(/^"/, ""),
      members: new Set(this.#frame.names),
    };
  }

  take(token) {
    const { kind, start } = token;
    const frame = this.#frame;
    if (kind === "{" || kind === "[") {
      if (this.#expects("value", token)) this.#note(start);
      this.#frames.push(
        kind === "{"
          ? { role: "name", names: new Set(), canEnd: true }
          : { role: "value", isArray: true, index: 0, canEnd: true },
      );
    } else if (kind === "}" || kind === "]") {
      this.#close(kind, token);
    } else if (kind === ",") {
      if (this.#expects("more", token)) {
        frame.role = frame.isArray ? "value" : "name";
        if (frame.isArray) frame.index += 1;
      }
    } else if (kind === ":") {
      if (this.#expects("colon", token)) frame.role = "value";
    } else if (kind === "string" && frame.role === "name") {
      this.#name(token);
    } else if (this.#expects("value", token)) {
      if (!isWhole(token)) this.#wrong(start, `${token.spelled.slice(0, 20)} is no JSON`);
      this.#note(start);
      frame.role = "more";
    }
  }

  #name(token) {
    const frame = this.#frame;
    frame.name = unquoted(token.spelled);
    frame.nameAt = token.start;
    frame.canEnd = false;
    if (!isWhole(token)) this.#wrong(token.start, "the name does not end");
    if (frame.names.has(frame.name)) this.#wrong(token.start, `${frame.name} stands twice`);
    frame.names.add(frame.name);
    frame.role = "colon";
  }

  #close(kind, token) {
    const frame = this.#frame;
    const fits = frame.isArray ? kind === "]" : kind === "}" && !frame.isRoot;
    if (!fits || !(frame.role === "more" || frame.canEnd)) {
      this.#wrong(token.start, `${kind} is not expected here`);
    }
    if (!frame.isRoot) this.#frames.pop();
    this.#frame.role = "more";
  }

  #expects(role, { start, spelled }) {
    const frame = this.#frame;
    frame.canEnd = false;
    if (frame.role === role && !(role === "more" && frame.isRoot)) return true;
    const wanted = {
      value: "a value",
      name: "a name in quotes",
      colon: "a colon",
      more: "a comma or the end",
    };
    this.#wrong(start, `${wanted[frame.role]} is expected, not ${spelled.slice(0, 20)}`);
    return false;
  }

  #note(start) {
    const frame = this.#frame;
    const pointer = this.#path.map((name) => `/${escaped(name)}`).join("");
    this.places.set(pointer, frame.isArray || frame.isRoot ? start : frame.nameAt);
  }

  #wrong(offset, detail) {
    this.fault ??= { offset, detail };
  }

  end() {
    if (this.#frames.length > 1) this.#wrong(this.text.length, "the text ends before it is closed");
    else if (this.#frame.role === "value")
      this.#wrong(this.text.length, "a JSON object is expected");
  }
}

/** The line, from 0, that an offset lies on. */
export const lineOf = (text, offset) => text.slice(0, offset).split("\n").length - 1;

/** The line that a pointer points at, or else the nearest that there is above it. */
export function lineAt(text, places, pointer) {
  for (let at = pointer; ; at = at.slice(0, at.lastIndexOf("/"))) {
    if (places.has(at)) return lineOf(text, places.get(at));
    if (!at.includes("/")) return 0;
  }
}
