"use strict";
// Drawing what layout.js placed; choosing, the source beside it, moving about.

// ---- drawing

function element(name, attributes, parent, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent.appendChild(made);
  return made;
}

function draw() {
  placed = new Map();
  view.replaceChildren();
  const all = layout("");
  drawInside(all.inside, 0, 0, view);
  mark();
  document.body.dataset.boxes = placed.size;
}

function drawInside(inside, dx, dy, parent) {
  for (const node of inside.nodes) {
    const x = dx + node.x - node.width / 2, y = dy + node.y - node.height / 2;
    if (node.isPort) drawPort(node, x, y, parent);
    else drawBox(node, x, y, parent);
  }
  for (const edge of inside.edges) drawArrow(edge, dx, dy, parent);
}

function nameOf(id) {
  return groups.has(id) ? groups.get(id).gives || groups.get(id).label : boxes.get(id).label;
}

function drawPort(node, x, y, parent) {
  const isFrom = node.id.startsWith("from"), middle = x + node.width / 2;
  element("circle", { class: "port", cx: middle, cy: isFrom ? y + 17 : y + 3, r: 3 }, parent);
  element("text", { class: "port-label", x: middle, y: isFrom ? y + 10 : y + 16, "text-anchor": "middle" }, parent, portWords(node.id));
}

function drawBox(node, x, y, parent) {
  const { id, width, height } = node, { title, kind } = words(id);
  const group = groups.get(id), box = boxes.get(id), isOpen = opened.has(id);
  const isGradient = group ? chains.get(id).some((c) => groups.get(c).kind === "gradient") : box.is_gradient;
  const classes = ["box", group ? "group" : box.kind, group ? group.kind : "", isGradient ? "gradient" : "", isOpen ? "opened" : ""];
  const label = `${title} ${kind}${group ? (isOpen ? ", open" : ", folded") : `, ${box.type}`}`;
  const g = element("g", { class: classes.filter(Boolean).join(" "), "data-id": id, tabindex: 0, role: "button", "aria-label": label }, parent);
  const radius = box && box.kind === "variable" ? height / 2 : 6;
  element("rect", { x, y, width, height, rx: radius }, g);
  const middle = x + width / 2;
  if (isOpen) {
    element("text", { class: "title", x: x + 24, y: y + 15 }, g, title);
    element("text", { class: "kind", x: x + 30 + widthOf(title, "600 12px system-ui"), y: y + 15 }, g, kind);
    element("text", { x: x + 9, y: y + 15 }, g, "\u2212");
    drawInside(node.inside, x + (width - node.inside.width) / 2, y, view);
  } else {
    element("text", { class: "title", x: middle + (group ? 7 : 0), y: y + (kind ? 16 : 18), "text-anchor": "middle" }, g, title);
    if (kind) element("text", { class: "kind", x: middle, y: y + 30, "text-anchor": "middle" }, g, kind);
    if (group) element("text", { x: x + 8, y: y + 16 }, g, "+");
  }
  placed.set(id, { x, y, width, height, g });
}

function drawArrow(edge, dx, dy, parent) {
  const points = edge.points.map((p) => [dx + p.x, dy + p.y]);
  let path = `M${points[0]}`;
  for (let i = 1; i < points.length - 1; i++) {
    const middle = [(points[i][0] + points[i + 1][0]) / 2, (points[i][1] + points[i + 1][1]) / 2];
    path += ` Q${points[i]} ${i === points.length - 2 ? points[i + 1] : middle}`;
  }
  if (points.length === 2) path += ` L${points[1]}`;
  const gradient = edge.ends.every(([tail, head]) => boxes.get(tail).is_gradient && boxes.get(head).is_gradient);
  const g = element("g", { class: gradient ? "arrow gradient" : "arrow" }, parent);
  g.ends = edge.ends;
  element("path", { d: path, "marker-end": "url(#tip)" }, g);
  if (edge.text) element("text", { x: dx + edge.x, y: dy + edge.y + 4, "text-anchor": "middle" }, g, edge.text);
}

// ---- choosing

function mark() {
  const isNear = (id) => chains.get(id).includes(chosen);
  for (const [id, { g }] of placed) g.classList.toggle("chosen", id === chosen);
  for (const g of view.querySelectorAll(".arrow")) {
    g.classList.toggle("near", Boolean(chosen) && !opened.has(chosen) && g.ends.some(([tail, head]) => isNear(tail) !== isNear(head)));
  }
}

function choose(id) {
  chosen = id;
  mark();
  tell(id);
}

function link(id) {
  const a = document.createElement("a");
  a.textContent = nameOf(id);
  a.onclick = () => reveal(id);
  return a;
}

function tell(id) {
  const facts = document.getElementById("facts"), group = groups.get(id), box = boxes.get(id);
  facts.replaceChildren();
  const title = document.createElement("h2"), list = document.createElement("dl");
  title.textContent = nameOf(id);
  facts.append(title, list);
  const row = (name, ...parts) => {
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = name;
    parts.forEach((part, i) => dd.append(...(i ? [", "] : []), part));
    list.append(dt, dd);
  };
  const around = chains.get(id).slice(0, -1).reverse().map((each) => groups.get(each).place);
  const places = (group ? [group.place, ...around] : box.kind === "variable" ? [...box.places, ...around] : box.places).filter(Boolean);
  if (group) {
    if (group.layer) row("layer", group.layer);
    if (group.path) row("path", group.path);
    row("nodes", String(drawing.boxes.filter((b) => chains.get(b.id).includes(id)).length));
  } else {
    if (box.op && box.op !== box.label) row("op", box.op);
    row("type", box.type);
    if (box.path) row(box.kind === "op" ? "in" : "path", box.path);
    for (const [name, value] of box.details) row(name, value);
    if (box.is_gradient) row("gradient", "made by differentiating what stands at its place");
    const before = drawing.arrows.filter((a) => a.head === id).map((a) => link(a.tail));
    const after = drawing.arrows.filter((a) => a.tail === id).map((a) => link(a.head));
    if (before.length) row("takes", ...before);
    if (after.length) row("goes to", ...after);
  }
  if (places.length) row("stands at", ...places.map((place) => placeLink(place, places)));
  const own = places.find((p) => p.source === main) || places[0];
  show(own ? own.source : main, places);
}

function placeLink(place, places) {
  const a = document.createElement("a");
  a.textContent = `${short(place.source)}:${place.line}`;
  a.onclick = () => show(place.source, places, place);
  return a;
}

function legend() {
  const facts = document.getElementById("facts"), title = document.createElement("h2"), list = document.createElement("dl");
  title.textContent = "How to read this";
  const row = (name, text, kind) => {
    const dt = document.createElement("dt"), dd = document.createElement("dd"), swatch = document.createElement("i");
    swatch.className = "swatch";
    swatch.style.background = `var(--${kind})`;
    swatch.style.borderColor = `var(--${kind}-line)`;
    if (kind) dt.append(swatch);
    dt.append(name);
    dd.textContent = text;
    dd.style.fontFamily = "inherit";
    list.append(dt, dd);
  };
  row("input", "what is fed", "input");
  row("variable", "what is trained or kept", "variable");
  row("op", "what is computed; + opens a layer or a function", "op");
  if (drawing.boxes.some((b) => b.is_gradient)) row("gradient", "what differentiating added", "gradient");
  row("", "Drag to move, wheel to zoom. Click a box for its line below, a line for its boxes.", "");
  facts.replaceChildren(title, list);
}

// ---- the source

const main = Object.keys(drawing.sources)[0];
const short = (name) => name.replace(/^.*\//, "");

function show(name, places, first) {
  const tabs = document.getElementById("tabs"), list = document.getElementById("source");
  const names = Object.keys(drawing.sources).filter((n) => n === main || n === name || places.some((p) => p.source === n));
  tabs.replaceChildren(...names.map((each) => {
    const tab = document.createElement("button");
    tab.textContent = short(each);
    tab.setAttribute("aria-selected", each === name);
    tab.onclick = () => show(each, places);
    return tab;
  }));
  const here = places.filter((p) => p.source === name);
  list.replaceChildren(...drawing.sources[name].split("\n").map((text, i) => line(name, text, i + 1, here)));
  const target = first || here[0];
  const item = target && list.children[target.line - 1];
  if (item) list.scrollTop = Math.max(0, item.offsetTop - list.offsetTop - list.clientHeight / 3);
}

function line(name, text, number, places) {
  const item = document.createElement("li");
  item.dataset.line = number;
  const on = places.find((p) => p.line <= number && number <= p.end_line);
  if (on) {
    item.classList.add("lit");
    const from = on.line === number ? on.column - 1 : 0, to = on.end_line === number ? on.end_column - 1 : text.length;
    const marked = document.createElement("mark");
    marked.textContent = text.slice(from, to);
    item.append(text.slice(0, from), marked, text.slice(to));
  } else item.textContent = text || " ";
  item.onclick = () => light(drawing.boxes.filter((b) => b.places.some((p) => p.source === name && p.line <= number && number <= p.end_line)));
  return item;
}

function light(found) {
  const shown = new Set(found.map((b) => chains.get(b.id).find((id) => placed.has(id) && !opened.has(id))));
  for (const [id, { g }] of placed) g.classList.toggle("lit", shown.has(id));
  document.getElementById("found").textContent = `${found.length} node${found.length === 1 ? "" : "s"}`;
}

// ---- moving about

function move() {
  view.setAttribute("transform", `translate(${at.x} ${at.y}) scale(${at.scale})`);
}

function fit(least = 0) {
  const area = graph.getBoundingClientRect(), bounds = view.getBBox();
  if (!bounds.width) return;
  const scale = Math.min(area.width / (bounds.width + 40), area.height / (bounds.height + 40), 1.4);
  if (scale < least) { // better the beginning in a size that can be read
    const top = [...placed.values()].reduce((a, b) => (b.y < a.y ? b : a));
    at = { scale: least, x: area.width / 2 - (top.x + top.width / 2) * least, y: 20 };
    return move();
  }
  at = { scale, x: (area.width - bounds.width * scale) / 2 - bounds.x * scale, y: (area.height - bounds.height * scale) / 2 - bounds.y * scale };
  move();
}

function zoom(factor, x, y) {
  const scale = Math.min(Math.max(at.scale * factor, 0.02), 6), by = scale / at.scale;
  at = { scale, x: x - (x - at.x) * by, y: y - (y - at.y) * by };
  move();
}

function toggle(id) {
  const before = placed.get(id);
  if (opened.has(id)) opened.delete(id); else opened.add(id);
  draw();
  const after = placed.get(id);
  if (before && after) { // the box's upper left corner stays where it is
    at.x += (before.x - after.x) * at.scale;
    at.y += (before.y - after.y) * at.scale;
    move();
  }
}

function reveal(id) {
  for (const group of chains.get(id).slice(0, -1)) opened.add(group);
  draw();
  const { x, y, width, height } = placed.get(id), area = graph.getBoundingClientRect();
  at.scale = Math.max(at.scale, 0.7);
  at.x = area.width / 2 - (x + width / 2) * at.scale;
  at.y = area.height / 2 - (y + height / 2) * at.scale;
  move();
  choose(id);
}

let drag = null;
graph.addEventListener("pointerdown", (event) => {
  drag = { x: event.clientX - at.x, y: event.clientY - at.y, from: [event.clientX, event.clientY], moved: false };
});
window.addEventListener("pointermove", (event) => {
  if (!drag) return;
  drag.moved ||= Math.hypot(event.clientX - drag.from[0], event.clientY - drag.from[1]) > 4;
  if (!drag.moved) return;
  graph.classList.add("moving");
  at.x = event.clientX - drag.x;
  at.y = event.clientY - drag.y;
  move();
});
window.addEventListener("pointerup", () => {
  graph.classList.remove("moving");
  if (drag && drag.moved) graph.addEventListener("click", (event) => event.stopPropagation(), { capture: true, once: true });
  drag = null;
});
graph.addEventListener("wheel", (event) => {
  event.preventDefault();
  const area = graph.getBoundingClientRect();
  zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX - area.x, event.clientY - area.y);
}, { passive: false });
function press(id) {
  if (groups.has(id)) toggle(id);
  choose(id);
}
graph.addEventListener("click", (event) => {
  const box = event.target.closest(".box");
  if (box) press(box.dataset.id);
  else { chosen = ""; mark(); legend(); }
});
graph.addEventListener("keydown", (event) => {
  const box = event.target.closest(".box");
  if (!box || (event.key !== "Enter" && event.key !== " ")) return;
  event.preventDefault();
  press(box.dataset.id);
  placed.get(box.dataset.id).g.focus();
});
document.addEventListener("keydown", (event) => {
  if (event.target.tagName === "INPUT") return;
  if (event.key === "f") fit();
});
const openAll = () => drawing.groups.forEach((g) => opened.add(g.id));
document.getElementById("fit").onclick = () => fit();
document.getElementById("close").onclick = () => { opened.clear(); draw(); fit(); };
document.getElementById("open").onclick = () => { openAll(); draw(); fit(); };
document.getElementById("find").oninput = (event) => {
  const text = event.target.value.trim().toLowerCase();
  light(text ? drawing.boxes.filter((b) => [b.label, b.op, b.path].some((t) => t.toLowerCase().includes(text))) : []);
  if (!text) document.getElementById("found").textContent = "";
};
document.getElementById("find").onkeydown = (event) => {
  const text = event.target.value.trim().toLowerCase();
  const found = event.key === "Enter" && text && drawing.boxes.find((b) => [b.label, b.op, b.path].some((t) => t.toLowerCase().includes(text)));
  if (found) reveal(found.id);
};

// ---- at first; #open=g1,g2 or #open=all opens, #select=n3 chooses

const wishes = new URLSearchParams(location.hash.slice(1));
openAtFirst();
if (wishes.get("open") === "all") openAll();
else for (const id of (wishes.get("open") || "").split(",")) if (groups.has(id)) opened.add(id);
draw();
fit(READABLE);
legend();
show(main, []);
if (boxes.has(wishes.get("select"))) reveal(wishes.get("select"));
