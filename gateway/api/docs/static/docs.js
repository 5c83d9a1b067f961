// What the pages can do beyond being read: choose a language, copy a program, find an operation.
// Without it all of them are whole: every language is shown, and every operation is listed.

const LANGUAGE = "language";

function made(name, text, properties = {}) {
  return Object.assign(document.createElement(name), { textContent: text, ...properties });
}

function remembered() {
  try {
    return localStorage.getItem(LANGUAGE);
  } catch {
    return null; // a browser that keeps nothing
  }
}

function remember(language) {
  try {
    localStorage.setItem(LANGUAGE, language);
  } catch {
    // then it is chosen again on the next page
  }
}

function chooseLanguage(calls) {
  const figures = [...calls.querySelectorAll("figure")];
  const choice = made("div", "", { className: "languages", role: "group", ariaLabel: "Language" });
  const show = (language) => {
    for (const figure of figures) figure.hidden = figure.dataset.language !== language;
    for (const button of choice.children) button.ariaPressed = button.textContent === language;
  };
  const languages = figures.map((figure) => figure.dataset.language);
  for (const language of languages) {
    const onclick = () => (show(language), remember(language));
    choice.append(made("button", language, { type: "button", onclick }));
  }
  for (const figure of figures) figure.querySelector("figcaption").hidden = true;
  calls.prepend(choice);
  show(languages.includes(remembered()) ? remembered() : languages[0]);
}

function offerCopy(figure) {
  const button = made("button", "Copy", { type: "button", className: "copy" });
  button.setAttribute("aria-live", "polite");
  button.onclick = async () => {
    await navigator.clipboard.writeText(figure.querySelector("code").textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  };
  figure.append(button);
}

function offerSearch(operations) {
  const label = made("label", "Find an operation");
  const input = made("input", "", { type: "search" });
  input.oninput = () => {
    for (const item of operations.querySelectorAll("li")) {
      item.hidden = !item.textContent.includes(input.value.trim().toLowerCase());
    }
  };
  label.append(input);
  operations.prepend(label);
}

document.querySelectorAll(".calls").forEach(chooseLanguage);
if (navigator.clipboard) document.querySelectorAll("figure").forEach(offerCopy);
document.querySelectorAll(".operations").forEach(offerSearch);
