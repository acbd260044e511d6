"use strict";
// What is drawn of a graph, and where: layers fold and open, each laid out on its own, inside out, by dagre.

const drawing = JSON.parse(document.getElementById("drawing").textContent);
const groups = new Map(drawing.groups.map((g) => [g.id, g]));
const boxes = new Map(drawing.boxes.map((b) => [b.id, b]));
const parentOf = (id) => (boxes.has(id) ? boxes.get(id).group : groups.get(id).parent);
const members = new Map([["", []], ...drawing.groups.map((g) => [g.id, []])]);
for (const g of drawing.groups) members.get(g.parent).push(g.id);
for (const b of drawing.boxes) members.get(b.group).push(b.id);
const chains = new Map(); // id -> the groups around it, outermost first, and itself
for (const id of [...groups.keys(), ...boxes.keys()]) {
  const chain = [id];
  while (parentOf(chain[0])) chain.unshift(parentOf(chain[0]));
  chains.set(id, chain);
}
const SVG = "http://www.w3.org/2000/svg";
const TITLE = 22, MARGIN = 14, FEW = 16, MANY = 120, READABLE = 0.6;
const view = document.getElementById("view"), graph = document.getElementById("graph");
const opened = new Set();
let chosen = "", placed = new Map(), at = { x: 0, y: 0, scale: 1 };

// ---- what to show

const pen = document.createElement("canvas").getContext("2d");
function widthOf(text, font) {
  pen.font = font;
  return pen.measureText(text).width;
}

function words(id) {
  const group = groups.get(id), box = boxes.get(id);
  if (group) return { title: group.gives || group.label, kind: group.gives ? group.label : group.layer || (group.kind === "function" ? "function" : "") };
  const title = box.group && box.kind === "variable" ? box.label.split("/").pop() : box.label;
  const args = (box.details.find((d) => d[0] === "arguments") || ["", ""])[1];
  const op = box.kind === "op" && box.label !== box.op ? box.op : "";
  return { title, kind: [op, args && `(${args.replaceAll("., ", "\u00b7, ").replace(/, \.$/, ", \u00b7")})`].filter(Boolean).join(" ") || (box.kind === "op" ? "" : box.kind) };
}

function openAtFirst() {
  let shown = members.get("").length;
  const queue = members.get("").filter((id) => groups.has(id));
  queue.sort((a, b) => (groups.get(b).kind === "gradient") - (groups.get(a).kind === "gradient")); // what was asked for
  while (queue.length) {
    const id = queue.shift(), most = groups.get(id).kind === "gradient" ? MANY : FEW;
    if (groups.get(id).kind === "function" || shown + members.get(id).length - 1 > most) continue;
    shown += members.get(id).length - 1;
    opened.add(id);
    queue.push(...members.get(id).filter((m) => groups.has(m)));
  }
}

// ---- layout: every open group on its own, then as one box in the group around it

// The arrows as a group sees them: between its members, and from and to what lies outside of it.
function arrowsIn(group) {
  const depth = group ? chains.get(group).length : 0, found = new Map();
  for (const arrow of drawing.arrows) {
    const tail = chains.get(arrow.tail), head = chains.get(arrow.head);
    const isIn = (chain) => !group || (chain[depth - 1] === group && chain.length > depth);
    const [from, to] = [isIn(tail), isIn(head)];
    if (!from && !to) continue;
    let [a, b] = [tail[depth], head[depth]];
    if (from && to && a === b) continue;
    if (!from || !to) { // named after what the two chains do not share
      const outside = from ? head : tail, inside = from ? tail : head;
      let i = 0;
      while (outside[i] === inside[i]) i++;
      const port = `${from ? "to" : "from"} ${outside[i]}`;
      if (from) b = port; else a = port;
    }
    const key = `${a}>${b}`, known = found.get(key) || { tail: a, head: b, labels: new Set(), ends: [] };
    known.labels.add(arrow.label);
    known.ends.push([arrow.tail, arrow.head]);
    found.set(key, known);
  }
  return [...found.values()];
}

function together(labels) {
  const all = [...labels];
  return all.length === 1 ? all[0] : `${all[0]} +${all.length - 1}`;
}

const sizes = new Map();
function layout(group) {
  const g = new dagre.graphlib.Graph({ multigraph: true });
  const arrows = arrowsIn(group);
  const ranker = members.get(group).length > MANY ? "longest-path" : "network-simplex";
  g.setGraph({ rankdir: "TB", nodesep: 16, ranksep: 24, edgesep: 8, marginx: MARGIN, marginy: MARGIN, ranker });
  g.setDefaultEdgeLabel(() => ({}));
  for (const id of members.get(group)) g.setNode(id, opened.has(id) ? layout(id) : boxSize(id));
  for (const arrow of arrows) {
    for (const end of [arrow.tail, arrow.head]) if (!g.hasNode(end)) g.setNode(end, portSize(end));
    const isInner = !g.node(arrow.tail).isPort && !g.node(arrow.head).isPort, text = isInner ? together(arrow.labels) : "";
    g.setEdge(arrow.tail, arrow.head, { ...arrow, text, width: text ? widthOf(text, "10.5px sans-serif") + 6 : 0, height: text ? 13 : 0, labelpos: "c" });
  }
  dagre.layout(g);
  const head = group ? TITLE : 0, size = g.graph();
  const nodes = g.nodes().map((id) => ({ id, ...g.node(id), y: g.node(id).y + head }));
  const edges = g.edges().map((e) => {
    const edge = g.edge(e);
    const points = edge.points.map((p) => ({ x: p.x, y: p.y + head })), at = (id) => nodes.find((n) => n.id === id);
    return { ...edge, y: (edge.y || 0) + head, points: around(points, at(e.v), at(e.w), nodes) };
  });
  const least = group ? boxSize(group).width + 24 : 0;
  const width = Math.max(size.width || 0, least);
  return { width, height: (size.height || 0) + head, inside: { nodes, edges, width: size.width || width } };
}

// Where an arrow passes a row of boxes it does so straight, so that it cuts no corner of a tall one; in the row that it
// begins or ends in, it leaves or comes straight too.
function around(points, tail, head, nodes) {
  const half = (y) => Math.max(0, ...nodes.filter((n) => Math.abs(n.y - y) < 1).map((n) => n.height)) / 2;
  return points.flatMap((p, i) => {
    const y = i === 0 ? tail.y : i === points.length - 1 ? head.y : p.y, reach = half(y);
    const above = { x: p.x, y: y - reach }, below = { x: p.x, y: y + reach };
    if (i === 0) return below.y > p.y + 12 ? [p, below] : [p];
    if (i === points.length - 1) return above.y < p.y - 12 ? [above, p] : [p];
    return reach > 12 ? [above, below] : [p];
  });
}

function portWords(id) {
  const [direction, other] = id.split(" ");
  return `${direction} ${nameOf(other)}`;
}

function portSize(id) {
  return { width: widthOf(portWords(id), "italic 10px system-ui") + 4, height: 20, isPort: true };
}

function boxSize(id) {
  if (!sizes.has(id)) {
    const { title, kind } = words(id);
    const extra = groups.has(id) ? 26 : 0;
    const width = Math.max(widthOf(title, "600 12px system-ui") + extra, widthOf(kind, "10.5px system-ui")) + 22;
    sizes.set(id, { width: Math.max(width, 44), height: kind ? 38 : 28 });
  }
  return { ...sizes.get(id) };
}
