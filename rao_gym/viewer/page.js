"use strict";

// The page: the outline of a tree on the left, the chosen node on the right. Everything that agents wrote arrives
// as JSON and enters the document as text alone (textContent), never as markup. Only the rows in view exist.

const ROW_HEIGHT = 26;
const INDENT = 16;
const MAX_INDENT = 24;
const FIRST_CHARACTERS = 20000;
const OPEN_AT_FIRST = 400;
const MAP_ROWS = 12;
const OUTCOMES = {
  solved: "solved",
  partly: "partly solved",
  wrong: "wrong answer",
  unknown: "finished, not verified",
  limited: "out of turns, window or budget",
  cancelled: "cancelled",
  crashed: "crashed",
  running: "not ended",
};

const settings = JSON.parse(document.getElementById("settings").textContent);
const treeElements = [...document.querySelectorAll("script.tree")];
const byId = (id) => document.getElementById(id);
const outline = byId("outline");
const rows = byId("rows");
const map = byId("map");

let treeIndex = 0;
let tree = null;
let visible = [];
let chosen = null;
let query = "";

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

const asText = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));
const count = (number) => number.toLocaleString("en-US");
const figure = (number) => (number === null ? "?" : number.toFixed(2));
const plural = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

function outcomeOf(node) {
  if (!node.ended) return "running";
  if (node.outcome === "cancelled" || node.outcome === "crashed") return node.outcome;
  if (node.outcome !== "finished") return "limited";
  if (node.verified === null) return "unknown";
  if (node.verified >= 1) return "solved";
  return node.verified > 0 ? "partly" : "wrong";
}

function nameOf(node) {
  const parts = [];
  for (let at = node; at.parent !== null; at = tree.nodes[at.parent]) parts.push(at.position);
  return ["root", ...parts.reverse()].join(".");
}

// What tells a node's row apart from its neighbours': what it was passed, and its goal unless its parent has the same.
function describe(node) {
  const parts = [];
  const passed = Object.entries(node.arguments).map(([name, value]) => `${name}=${oneLine(value)}`);
  if (passed.length) parts.push(passed.join(" "));
  if (node.parent === null || node.goal !== tree.nodes[node.parent].goal) parts.push(oneLine(node.goal));
  return parts.join(" · ").slice(0, 200);
}

const answerOf = (node) => (node.ended && node.value !== null ? `→ ${oneLine(node.value).slice(0, 60)}` : "");

function oneLine(value) {
  return (typeof value === "string" ? value : JSON.stringify(value)).slice(0, 200).replace(/\s+/g, " ");
}

function shortName(node) {
  const name = nameOf(node);
  return name.length > 26 ? `…${name.slice(-22)}` : name;
}

// Trees

function loadTree(index) {
  treeIndex = (index + treeElements.length) % treeElements.length;
  tree = JSON.parse(treeElements[treeIndex].textContent);
  for (const node of tree.nodes) {
    node.children = [];
    node.depth = 0;
    node.kind = outcomeOf(node);
  }
  tree.nodes.forEach((node, id) => {
    node.id = id;
    if (node.parent === null) return;
    tree.nodes[node.parent].children.push(node);
    node.depth = tree.nodes[node.parent].depth + 1;
  });
  for (const node of tree.nodes) node.open = node.id < OPEN_AT_FIRST;
  byId("trees").selectedIndex = treeIndex;
  outline.scrollTop = 0;
  showSummary();
  showLegend();
  find(query);
  chosen = tree.nodes[0];
  drawMap();
  choose(chosen);
}

function showSummary() {
  const speedup = tree.critical_path ? tree.turns / tree.critical_path : 1;
  const parts = [
    [plural(tree.nodes.length, "node"), ""],
    [`${count(tree.depth)}`, " deep"],
    [plural(tree.turns, "turn"), ""],
    [plural(tree.tokens, "token"), ""],
    [plural(tree.critical_path, "turn"), ` on the critical path (${speedup.toFixed(1)}× from running at once)`],
  ];
  byId("summary").replaceChildren(
    ...parts.flatMap(([bold, rest], at) => [at ? " · " : "", element("b", {}, bold), rest]),
  );
}

function showLegend() {
  const present = new Set(tree.nodes.map((node) => node.kind));
  byId("legend").replaceChildren(
    ...Object.keys(OUTCOMES)
      .filter((kind) => present.has(kind))
      .map((kind) => element("span", { class: `outcome-${kind}` }, element("i", { class: "dot" }), OUTCOMES[kind])),
  );
}

// The outline

function refresh() {
  visible = [];
  const stack = [tree.nodes[0]];
  while (stack.length) {
    const node = stack.pop();
    node.row = visible.length;
    visible.push(node);
    if (node.open) for (let at = node.children.length - 1; at >= 0; at--) stack.push(node.children[at]);
  }
  rows.style.height = `${visible.length * ROW_HEIGHT}px`;
  drawRows();
}

function drawRows() {
  const first = Math.max(0, Math.floor(outline.scrollTop / ROW_HEIGHT) - 5);
  const last = Math.min(visible.length, first + Math.ceil(outline.clientHeight / ROW_HEIGHT) + 10);
  rows.replaceChildren(...visible.slice(first, last).map(rowOf));
}

function rowOf(node) {
  const twist = node.children.length ? (node.open ? "▼" : "▶") : "";
  const row = element(
    "div",
    {
      class: `row outcome-${node.kind}${node.match ? " match" : ""}`,
      id: `row-${node.id}`,
      role: "treeitem",
      title: node.goal.slice(0, 500),
      "aria-level": node.depth + 1,
      "aria-selected": node === chosen,
      "aria-expanded": node.children.length ? node.open : null,
      onclick: () => choose(node),
    },
    element("span", { class: "twist", onclick: (event) => toggle(node, event) }, twist),
    element("i", { class: "dot", title: OUTCOMES[node.kind] }),
    element("span", { class: "name" }, shortName(node)),
    element("span", { class: "goal" }, describe(node)),
    element("span", { class: "answer" }, answerOf(node)),
    element("span", { class: "figure" }, `s̃ ${figure(node.signal)} · ${plural(node.turns, "turn")}`),
  );
  row.style.top = `${node.row * ROW_HEIGHT}px`;
  row.style.paddingLeft = `${10 + Math.min(node.depth, MAX_INDENT) * INDENT}px`;
  return row;
}

function toggle(node, event) {
  event?.stopPropagation();
  if (!node.children.length) return;
  node.open = !node.open;
  refresh();
}

function toggleAll() {
  const open = !tree.nodes.some((node) => node.open && node.children.length && node.parent !== null);
  for (const node of tree.nodes) node.open = open || node.parent === null;
  refresh();
  reveal(chosen);
}

function reveal(node) {
  let changed = false;
  for (let at = node; at.parent !== null; at = tree.nodes[at.parent]) {
    const parent = tree.nodes[at.parent];
    changed ||= !parent.open;
    parent.open = true;
  }
  if (changed) refresh();
  const top = node.row * ROW_HEIGHT;
  if (top < outline.scrollTop) outline.scrollTop = top;
  const bottom = outline.scrollTop + outline.clientHeight;
  if (top + ROW_HEIGHT > bottom) outline.scrollTop = top + ROW_HEIGHT - outline.clientHeight;
}

function choose(node) {
  chosen = node;
  reveal(node);
  drawRows();
  outline.setAttribute("aria-activedescendant", `row-${node.id}`);
  showNode(node);
  markChosenOnMap();
}

// The map: one rectangle for each node, a level for each depth, as wide as its share of the leaves.

function drawMap() {
  const depth = Math.min(tree.depth + 1, MAP_ROWS);
  const rowHeight = Math.max(5, Math.min(14, Math.floor(84 / depth)));
  const scale = window.devicePixelRatio || 1;
  map.style.height = `${depth * rowHeight}px`;
  const width = Math.max(1, map.clientWidth);
  map.width = width * scale;
  map.height = depth * rowHeight * scale;
  const context = map.getContext("2d", { willReadFrequently: true });
  context.scale(scale, scale);
  const colours = Object.fromEntries(Object.keys(OUTCOMES).map((kind) => [kind, colourOf(kind)]));
  layOutMap();
  for (const node of tree.nodes) {
    if (node.depth >= depth) continue;
    const left = node.left * width;
    const wide = (node.right - node.left) * width;
    context.fillStyle = colours[node.kind];
    context.fillRect(left, node.depth * rowHeight, Math.max(wide - (wide > 3 ? 1 : 0), 0.5), rowHeight - 1);
  }
  map.rowHeight = rowHeight;
  map.drawn = context.getImageData(0, 0, map.width, map.height);
  markChosenOnMap();
}

// Moving about redraws one frame over what is drawn, however large the tree is.
function markChosenOnMap() {
  const context = map.getContext("2d");
  context.putImageData(map.drawn, 0, 0);
  if (chosen.depth * map.rowHeight >= map.clientHeight) return;
  const width = map.clientWidth;
  const wide = Math.max((chosen.right - chosen.left) * width - 1, 3);
  context.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("color");
  context.lineWidth = 2;
  const top = chosen.depth * map.rowHeight + 1;
  context.strokeRect(chosen.left * width + 1, top, Math.max(wide - 2, 1), map.rowHeight - 3);
}

function colourOf(kind) {
  const probe = element("i", { class: `dot outcome-${kind}` });
  document.body.append(probe);
  const colour = getComputedStyle(probe).backgroundColor;
  probe.remove();
  return colour;
}

function layOutMap() {
  if (tree.nodes[0].right) return;
  for (const node of tree.nodes) node.leaves = node.children.length ? 0 : 1;
  for (let at = tree.nodes.length - 1; at > 0; at--) tree.nodes[tree.nodes[at].parent].leaves += tree.nodes[at].leaves;
  Object.assign(tree.nodes[0], { left: 0, right: 1 });
  for (const node of tree.nodes) {
    let left = node.left;
    for (const child of node.children) {
      child.left = left;
      left += ((node.right - node.left) * child.leaves) / node.leaves;
      child.right = left;
    }
  }
}

function chooseOnMap(event) {
  const box = map.getBoundingClientRect();
  const across = (event.clientX - box.left) / box.width;
  const depth = Math.floor((event.clientY - box.top) / map.rowHeight);
  let node = tree.nodes[0];
  while (node.depth < depth) {
    const next = node.children.find((child) => child.left <= across && across < child.right);
    if (!next) break;
    node = next;
  }
  choose(node);
}

// One node

function shareOf(part) {
  if (!part) return "no part of its parent's work";
  return part === true ? "a part of its parent's work" : `${Math.round(100 * part)}% of its parent's work`;
}

function showNode(node) {
  const limits = settings.limits[tree.task.family] || {};
  byId("node").replaceChildren(
    pathOf(node),
    element(
      "div",
      { class: `head outcome-${node.kind}` },
      element("h2", {}, shortName(node)),
      element("span", { class: "badge" }, node.outcome.replaceAll("_", " ")),
      node.part === null ? null : element("span", {}, shareOf(node.part)),
      node.detail ? element("span", { class: "text", dir: "auto" }, node.detail) : null,
    ),
    element(
      "div",
      { class: "figures" },
      tile("Success signal s̃", figure(node.signal), node.source ? ` ${node.source}` : ""),
      tile("Local reward R", figure(node.reward), settings.delegation_bonus ? ` λ = ${settings.delegation_bonus}` : ""),
      usage("Turns", node.turns, limits.max_turns),
      usage("Tokens", node.tokens, limits.window),
      usage("Children", node.children.length, limits.max_children),
      usage("Depth", node.depth, limits.max_depth),
      node.refusals ? tile("Refused launches", count(node.refusals)) : null,
      node.parent === null ? rootUsage("Nodes of the tree", tree.nodes.length, limits.max_nodes) : null,
      node.parent === null ? rootUsage("Tokens of the tree", tree.tokens, limits.max_tree_tokens) : null,
      node.parent === null ? rootUsage("Turns of the tree", tree.turns, limits.max_subtree_turns) : null,
    ),
    ...section("Goal", longText("p", node.goal, "text")),
    ...(Object.keys(node.arguments).length ? section("Given", longText("pre", asText(node.arguments), "box")) : []),
    ...(node.value === null ? [] : section("Answer", longText("pre", asText(node.value), "box"))),
    ...(node.parent === null ? section("Expected", longText("pre", asText(tree.task.answer), "box")) : []),
    ...(node.children.length ? section("Children", ...wavesOf(node)) : []),
    ...section("Transcript", ...node.messages.map(([role, text]) => messageOf(role, tree.texts[text]))),
  );
  byId("node").scrollTop = 0;
}

function pathOf(node) {
  const above = [];
  for (let at = node; at.parent !== null; at = tree.nodes[at.parent]) above.push(tree.nodes[at.parent]);
  const shown = above.reverse().slice(-8);
  const buttons = shown.map((ancestor) => element("button", { type: "button", onclick: () => choose(ancestor) }, shortName(ancestor)));
  return element("nav", { class: "path", "aria-label": "Ancestors" }, ...buttons.flatMap((button) => [button, "›"]));
}

function section(heading, ...contents) {
  return [element("h3", {}, heading), ...contents];
}

function tile(label, value, of = "") {
  return element(
    "div",
    { class: "tile" },
    element("div", { class: "label" }, label),
    element("div", { class: "value" }, value, element("span", { class: "of" }, of)),
  );
}

function usage(label, used, limit) {
  if (limit === null || limit === undefined) return tile(label, count(used));
  const made = tile(label, count(used), ` of ${count(limit)}`);
  const share = limit ? Math.min(1, used / limit) : 1;
  const bar = element("div", { class: share >= 1 ? "full" : "" });
  bar.style.width = `${100 * share}%`;
  made.append(element("div", { class: "bar" }, bar));
  return made;
}

function rootUsage(label, used, limit) {
  return limit === null || limit === undefined ? null : usage(label, used, limit);
}

function wavesOf(node) {
  const waves = new Map();
  for (const child of node.children) {
    if (!waves.has(child.wave)) waves.set(child.wave, []);
    waves.get(child.wave).push(child);
  }
  return [...waves.values()].map((children) =>
    element(
      "div",
      { class: "children" },
      element("span", { class: "label" }, children.length > 1 ? `${count(children.length)} at once:` : "then:"),
      ...children.slice(0, 100).map(childButton),
      children.length > 100 ? element("span", { class: "label" }, `and ${count(children.length - 100)} more`) : null,
    ),
  );
}

function childButton(child) {
  return element(
    "button",
    { type: "button", class: `outcome-${child.kind}`, title: child.goal.slice(0, 500), onclick: () => choose(child) },
    element("i", { class: "dot" }),
    `${shortName(child)} · s̃ ${figure(child.signal)}`,
  );
}

function messageOf(role, text) {
  const known = ["system", "user", "assistant"].includes(role) ? role : "user";
  const shownRole = { system: "system", user: "environment", assistant: "agent" }[known];
  const head = [shownRole, element("span", { class: "meta" }, ` · ${plural(text.length, "character")}`)];
  const body = partsOf(text).map(([tag, part]) => longText(tag, part, tag === "p" ? "text" : ""));
  if (role === "system") {
    return element("details", { class: "message role-system" }, element("summary", {}, ...head), ...body);
  }
  return element("article", { class: `message role-${known}` }, element("div", { class: "role" }, ...head), ...body);
}

// Code blocks, tool calls and their replies are monospaced; everything else is prose.
function partsOf(text) {
  const block = /^[ \t]*```[^\n]*\n[\s\S]*?(?:```|(?![\s\S]))|<(tool_call|tool_response|tools)>[\s\S]*?(?:<\/\1>|(?![\s\S]))/gm;
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(block)) {
    parts.push(["p", text.slice(end, match.index)], ["pre", match[0]]);
    end = match.index + match[0].length;
  }
  parts.push(["p", text.slice(end)]);
  return parts.filter(([tag, part]) => tag === "pre" || part.trim()).map(([tag, part]) => [tag, tag === "p" ? part.trim() : part]);
}

function longText(tag, text, style) {
  const made = element(tag, { class: style, dir: "auto" });
  const fill = (shown) => made.replaceChildren(...marked(shown));
  if (text.length <= FIRST_CHARACTERS) {
    fill(text);
    return made;
  }
  fill(text.slice(0, FIRST_CHARACTERS));
  const label = `… show all ${count(text.length)} characters`;
  const more = element("button", { type: "button", class: "more" }, label);
  more.addEventListener("click", () => {
    fill(text);
    more.remove();
  });
  return element("div", {}, made, more);
}

// Search

function marked(text) {
  if (!query) return [text];
  const parts = [];
  const lowered = text.toLowerCase();
  if (lowered.length !== text.length) return [text];
  let end = 0;
  for (let at = lowered.indexOf(query); at >= 0 && parts.length < 2000; at = lowered.indexOf(query, end)) {
    parts.push(text.slice(end, at), element("mark", {}, text.slice(at, at + query.length)));
    end = at + query.length;
  }
  return [...parts, text.slice(end)];
}

function find(words) {
  query = words.toLowerCase();
  const hits = query ? tree.texts.map((text) => text.toLowerCase().includes(query)) : [];
  for (const node of tree.nodes) {
    node.match =
      query !== "" &&
      (node.goal.toLowerCase().includes(query) ||
        asText(node.value).toLowerCase().includes(query) ||
        node.messages.some(([role, text]) => role !== "system" && hits[text]));
  }
  refresh();
}

function chooseNext(wanted) {
  const order = inOrder();
  const from = order.indexOf(chosen);
  const next = [...order.slice(from + 1), ...order.slice(0, from + 1)].find(wanted);
  if (next) choose(next);
}

function inOrder() {
  const order = [];
  const stack = [tree.nodes[0]];
  while (stack.length) {
    const node = stack.pop();
    order.push(node);
    for (let at = node.children.length - 1; at >= 0; at--) stack.push(node.children[at]);
  }
  return order;
}

// Keys

function moveBy(step) {
  choose(visible[Math.max(0, Math.min(visible.length - 1, chosen.row + step))]);
}

function openOrEnter() {
  if (!chosen.children.length) return;
  if (chosen.open) choose(chosen.children[0]);
  else toggle(chosen);
}

function closeOrLeave() {
  if (chosen.open && chosen.children.length) toggle(chosen);
  else if (chosen.parent !== null) choose(tree.nodes[chosen.parent]);
}

const page = () => Math.max(1, Math.floor(outline.clientHeight / ROW_HEIGHT) - 1);
const KEYS = {
  ArrowDown: () => moveBy(1),
  ArrowUp: () => moveBy(-1),
  PageDown: () => moveBy(page()),
  PageUp: () => moveBy(-page()),
  Home: () => moveBy(-visible.length),
  End: () => moveBy(visible.length),
  ArrowRight: openOrEnter,
  ArrowLeft: closeOrLeave,
  Enter: () => toggle(chosen),
  e: toggleAll,
  f: () => chooseNext((node) => node.ended && !["solved", "unknown"].includes(node.kind)),
  n: () => chooseNext((node) => node.match),
  t: switchTheme,
  "[": () => loadTree(treeIndex - 1),
  "]": () => loadTree(treeIndex + 1),
  "/": () => byId("search").focus(),
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select")) {
    if (event.key === "Escape" || event.key === "Enter") outline.focus();
    if (event.key === "Enter" && event.target.id === "search") KEYS.n();
    return;
  }
  const inText = event.target.closest("#node") !== null;
  const scrolls = /^(Arrow(Up|Down)|Page|Home|End|Enter)/.test(event.key);
  if (!(event.key in KEYS) || (scrolls && (inText || event.target.closest("button, summary")))) return;
  event.preventDefault();
  KEYS[event.key]();
}

function switchTheme() {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  drawMap();
}

for (const label of settings.labels) byId("trees").append(element("option", {}, label));
byId("trees").addEventListener("change", (event) => loadTree(event.target.selectedIndex));
byId("previous-tree").addEventListener("click", () => loadTree(treeIndex - 1));
byId("next-tree").addEventListener("click", () => loadTree(treeIndex + 1));
byId("theme").addEventListener("click", switchTheme);
byId("search").addEventListener("input", (event) => {
  find(event.target.value);
  showNode(chosen);
});
outline.addEventListener("scroll", drawRows);
map.addEventListener("click", chooseOnMap);
document.addEventListener("keydown", onKey);
window.addEventListener("resize", () => {
  drawRows();
  drawMap();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawMap);
// A report, where there is one, covers the trees until one of its links, such as #tree-3, opens a tree.
function follow() {
  const wanted = /^#tree-(\d+)$/.exec(location.hash);
  const report = byId("report");
  if (report.firstChild) report.hidden = wanted !== null;
  if (wanted && Number(wanted[1]) < treeElements.length) loadTree(Number(wanted[1]));
}

window.addEventListener("hashchange", follow);
loadTree(settings.first);
follow();
// Inside another page, taking the focus would scroll that page down to this one.
if (window.parent === window) outline.focus({ preventScroll: true });
