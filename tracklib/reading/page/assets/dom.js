/* Elements, made without ever parsing a text as HTML: whatever a run is called, it stays a text. */

const $ = (id) => document.getElementById(id);

/** An element: `el("td.best", {title: "x"}, "text", child)`. Functions become listeners, null is left out. */
function el(kind, attributes, ...children) {
  const [tag, ...classes] = kind.split(".");
  const node = document.createElement(tag || "div");
  if (classes.length) node.className = classes.join(" ");
  set(node, attributes || {});
  node.append(...children.flat(Infinity).filter((child) => child != null && child !== ""));
  return node;
}

function svg(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  set(node, attributes || {});
  node.append(...children.flat(Infinity).filter((child) => child != null));
  return node;
}

function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value != null && value !== false) node.setAttribute(name, value);
  }
}

function fill(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter((child) => child != null));
  return node;
}

/** A colour of the style by its name. To ask the browser makes it look at the whole page: it is asked once for each theme. */
const colour = (name) => {
  const key = `${document.documentElement.dataset.theme} ${name}`;
  if (!asked.has(key)) asked.set(key, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
  return asked.get(key);
};
const asked = new Map();

/** At most one call of `work` for each frame, however often it is asked for. */
function eachFrame(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}

function swatch(shade) {
  const node = el("span.swatch", { "aria-hidden": "true" });
  node.style.background = shade;
  return node;
}
