// The picture: cards that open and close, laid out again at every change; zoom and pan.
const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const element = (tag, classes, html = "") => {
  const made = document.createElement(tag);
  made.className = classes;
  made.innerHTML = html;
  return made;
};
const escaped = (words) => words.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

const graph = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const picture = at("picture"), stage = at("stage"), wires = at("wires");
  const state = { direction: data.direction === "TB" || data.direction === "BT" ? "TB" : "LR", scale: 1 };
  const labels = []; // of edges, and the middle where each goes
  const uses = data.nodes.map(() => []);
  for (const edge of data.edges) uses[edge.from].push(edge);
  const made = new Set(data.edges.map((edge) => edge.to));

  for (const [i, node] of data.nodes.entries()) {
    node.element = element("div", `node ${node.kind}${i === data.output ? " output" : ""}`, node.card);
    Object.assign(node.element, { id: node.id, tabIndex: 0 });
    node.element.setAttribute("role", "button");
    node.element.setAttribute("aria-label", node.label);
    stage.append(node.element);
  }
  for (const [key, group] of Object.entries(data.groups)) {
    const name = group.title;
    group.bar = element("button", "bar", `<span aria-hidden="true">−</span> ${escaped(name)}`);
    group.card = element("button", "node module closed",
      `<b><span aria-hidden="true">+</span> ${escaped(name)}</b><div class="word">${escaped(group.facts)}</div><div class="shape">${escaped(group.shape)}</div>`);
    group.card.setAttribute("aria-expanded", "false");
    group.card.setAttribute("aria-label", `${data.words.open} ${name}`);
    for (const part of [group.bar, group.card]) {
      part.type = "button";
      part.dataset.group = key;
      part.onclick = () => { group.open = !group.open; draw(); (group.open ? group.bar : group.card).focus(); };
      stage.append(part);
    }
  }

  /** The card that a node is seen in: its own, that of a closed module, or of a block's first copy. */
  function seen(i) {
    const node = data.nodes[i];
    for (const key of node.groups) {
      const group = data.groups[key];
      if (group.open) continue;
      if (group.count === 1) return key;
      if (node.stands !== null) return seen(node.stands);
    }
    return i;
  }

  function draw() {
    const where = data.nodes.map((_, i) => seen(i));
    for (const [i, node] of data.nodes.entries()) node.element.hidden = where[i] !== i;
    for (const [key, group] of Object.entries(data.groups)) {
      group.card.hidden = !where.includes(key);
      group.bar.hidden = true;
    }
    // What only one operation uses, and none made, stands above it.
    const satellites = new Map();
    const onto = new Map();
    for (const [i, node] of data.nodes.entries()) {
      if (where[i] !== i || !node.leaf || made.has(i)) continue;
      const targets = new Set(uses[i].map((edge) => where[edge.to]));
      const target = [...targets][0];
      const beside = targets.size === 1 && node.kind !== "input";
      if (beside) {
        onto.set(i, target);
        satellites.set(target, [...(satellites.get(target) ?? []), i]);
      }
    }
    const across = state.direction === "LR";
    const keys = [...new Set(where)].filter((key) => !onto.has(key));
    const parts = (key) => (typeof key === "number" ? data.nodes[key].element : data.groups[key].card);
    // Sizes are read all at once, and what is placed is remembered: each look at the page between
    // two changes of it lays it out anew.
    for (const e of stage.querySelectorAll(".node")) {
      if (!e.hidden) e.box = { x: 0, y: 0, w: e.offsetWidth, h: e.offsetHeight };
    }
    const size = (e) => ({ w: e.box.w, h: e.box.h });
    const cells = keys.map((key) => cell(key, parts(key), satellites.get(key) ?? []));

    function cell(key, card, above) {
      const own = size(card), GAP = 8;
      const beside = above.map((i) => ({ i, ...size(data.nodes[i].element) }));
      const sum = beside.reduce((s, b) => s + (across ? b.w : b.h) + GAP, -GAP);
      const most = Math.max(0, ...beside.map((b) => (across ? b.h : b.w)));
      const lift = Math.max(0, ...above.map((i) => level(key) - level(i))) * 24; // over the bars between
      const room = beside.length ? most + 24 + lift : 0;
      const levels = level(key) * 24;
      if (across) {
        return { key, card, beside, own, room, lift, main: Math.max(own.w, sum),
          before: room + own.h / 2 + levels, after: own.h / 2 + levels / 3 };
      }
      const width = Math.max(own.w, own.w + 2 * room); // in the middle of its own card
      return { key, card, beside, own, room, lift, levels, main: Math.max(own.h, sum) + levels,
        before: room + own.w / 2 + 6 * level(key), after: own.w / 2 + 6 * level(key), width };
    }
    function level(key) {
      const boxes = typeof key === "number" ? data.nodes[key].groups : chain(key);
      return boxes.filter((group) => data.groups[group].open || data.groups[group].count > 1).length;
    }

    const number = new Map(keys.map((key, n) => [key, n]));
    const merged = new Map();
    const again = new Map();
    for (const edge of data.edges) {
      const a = where[edge.from], b = where[edge.to];
      if (a === b || onto.has(a)) continue;
      if (edge.again || number.get(a) >= number.get(b)) {
        again.set(`${a}>${b}`, [a, b]);
      } else {
        const parallel = a === edge.from && b === edge.to ? edge.id : "";
        const name = `${a}>${b}>${parallel}`;
        if (merged.has(name)) merged.get(name).edges.push(edge);
        else merged.set(name, { a: number.get(a), b: number.get(b), edges: [edge], parallel });
      }
    }
    // Of the copies of a block the first is seen, with its own edges.
    const own = (link) => `${link.a}>${link.b}`;
    const first = new Set([...merged.values()].filter((link) => link.edges[0].id === link.parallel).map(own));
    const links = [...merged.values()].filter((link) => link.parallel || !first.has(own(link)));
    const room = across ? Math.max(260, picture.clientWidth / state.scale - 2 * PAD) : Infinity;
    const laid = layOut(cells, links, { room, gap: 22, between: across ? 86 : 44, margin: 10 });
    place(cells, laid, across);
    for (const path of wires.querySelectorAll(".edge")) path.remove();
    for (const label of stage.querySelectorAll(".carried")) label.remove();
    const twins = new Map();
    for (const link of links) twins.set(own(link), [...(twins.get(own(link)) ?? []), link]);
    for (const [n, link] of links.entries()) wire(link, laid.ways[n], laid.ends, across, twins.get(own(link)));
    for (const one of cells) for (const b of one.beside) short(data.nodes[b.i], one.card, across);
    for (const [a, b] of again.values()) back(parts(a), parts(b));
    boxes(where);
    stage.append(...labels.map(([label]) => label));
    for (const [label] of labels) label.box = { w: label.offsetWidth, h: label.offsetHeight };
    for (const [label, x, y] of labels.splice(0)) put(label, x - label.box.w / 2, y - label.box.h / 2);
    const seen_ = [...stage.querySelectorAll(".node, .box, .carried")].filter((e) => !e.hidden).map((e) => e.box);
    const most = (of) => seen_.reduce((m, box) => Math.max(m, of(box)), 0);
    state.size = [most((b) => b.x + b.w) + 14, most((b) => b.y + b.h) + 12];
    state.shift = [most((b) => 8 - b.x), most((b) => 8 - b.y)]; // nothing lies off the picture
    wires.setAttribute("width", state.size[0]);
    wires.setAttribute("height", state.size[1]);
    resize();
    graph.changed?.();
  }

  /** The groups around a group, outermost first. */
  function chain(key) {
    const found = [];
    for (let k = data.groups[key].parent; k; k = data.groups[k].parent) found.unshift(k);
    return found;
  }

  const PAD = 24;
  function put(e, x, y) {
    Object.assign(e.box ??= { w: 0, h: 0 }, { x: Math.round(x), y: Math.round(y) });
    e.style.left = `${e.box.x}px`;
    e.style.top = `${e.box.y}px`;
  }
  function place(cells, laid, across) {
    cells.forEach((cell, n) => {
      const { from, at: middle } = laid.cells[n];
      const [x, y] = across
        ? [from + (cell.main - cell.own.w) / 2, middle - cell.own.h / 2]
        : [middle - cell.own.w / 2, from + cell.levels + (cell.main - cell.levels - cell.own.h) / 2];
      put(cell.card, PAD + x, PAD + y);
      let along = across ? x + cell.own.w / 2 : y + cell.own.h / 2;
      along -= (cell.beside.reduce((s, b) => s + (across ? b.w : b.h) + 8, -8)) / 2;
      for (const b of cell.beside) {
        put(data.nodes[b.i].element, PAD + (across ? along : x - 24 - cell.lift - b.w), PAD + (across ? y - 24 - cell.lift - b.h : along));
        along += (across ? b.w : b.h) + 8;
      }
    });
  }

  function line(d, classes, ids) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    path.setAttribute("class", `edge ${classes}`);
    path.setAttribute("marker-end", "url(#tip)");
    path.edges = ids;
    if (ids.length === 1) path.id = ids[0].id;
    wires.append(path);
    return path;
  }

  function ends(card, across) {
    const { x, y, w, h } = card.box;
    return across
      ? { out: [x + w, y + h / 2], into: [x, y + h / 2] }
      : { out: [x + w / 2, y + h], into: [x + w / 2, y] };
  }

  function wire(link, way, lineEnds, across, twins) {
    const shift = (twins.indexOf(link) - (twins.length - 1) / 2) * 16;
    const first = ends(way[0].card, across).out, last = ends(way[way.length - 1].card, across).into;
    const points = way.map((item, n) => {
      if (n === 0) return { p: first, line: item.line };
      if (n === way.length - 1) return { p: [last[0], last[1]], line: item.line };
      const middle = (item.column[0] + item.column[1]) / 2 + PAD;
      return { p: across ? [middle, item.at + PAD] : [item.at + PAD, middle], line: item.line };
    });
    let d = `M${points[0].p}`, label = null;
    for (let n = 1; n < points.length; n++) {
      const [x0, y0] = points[n - 1].p;
      let [x1, y1] = points[n].p;
      const end = n === points.length - 1;
      if (across && points[n].line !== points[n - 1].line) { // to the next line of columns
        const channel = lineEnds[points[n - 1].line] + PAD + 6;
        const out = Math.max(x0, way[n - 1].column[1] + PAD) + 14, into = Math.min(x1, way[n].column[0] + PAD) - 18;
        d += ` L${out},${y0} L${out},${channel} L${into},${channel} L${into},${y1} L${x1},${y1}`;
        label ??= [Math.max(34, into + 38), channel];
      } else if (across) {
        const m = (x0 + x1) / 2;
        d += ` C${m},${y0 + shift} ${m},${y1 + shift} ${end ? x1 - 1 : x1},${y1}`;
        label ??= [m, (y0 + y1) / 2 + shift];
      } else {
        const m = (y0 + y1) / 2;
        d += ` C${x0 + shift},${m} ${x1 + shift},${m} ${x1},${end ? y1 - 1 : y1}`;
        label ??= [(x0 + x1) / 2 + shift, m];
      }
    }
    const dashed = link.edges.every((edge) => edge.backward === null) ? "idle" : "";
    line(d, dashed, link.edges);
    if (link.edges.length === 1) carried(link.edges[0], label, across);
  }

  /** What an edge hands back, on it. */
  function carried(edge, [x, y], across) {
    edge.label?.remove();
    if (!edge.carried) return;
    edge.label = element("div", "carried grad", escaped(edge.carried));
    edge.label.dataset.edge = edge.id;
    labels.push([edge.label, x, across ? y - 10 : y]);
  }

  /** From the end of a repeated block to the beginning of its next copy. */
  function back(last, start) {
    const [x0, y0] = [last.box.x + last.box.w / 2, last.box.y + last.box.h];
    const [x1, y1] = [start.box.x + start.box.w / 2, start.box.y + start.box.h];
    const low = Math.max(y0, y1) + 34;
    line(`M${x0},${y0} C${x0},${low} ${x1},${low} ${x1},${y1 + 1}`, "again", []);
    const label = element("div", "carried", escaped(data.words.again));
    labels.push([label, (x0 + x1) / 2, low - 8]);
  }

  function short(node, card, across) {
    const e = node.element;
    const edges = uses[data.nodes.indexOf(node)];
    const from = ends(e, !across).out, box = card.box;
    const x = Math.max(box.x + 6, Math.min(box.x + box.w - 6, from[0]));
    const y = Math.max(box.y + 6, Math.min(box.y + box.h - 6, from[1]));
    const to = across ? [x, box.y - 1] : [box.x - 1, y];
    for (const edge of edges) edge.label?.remove();
    line(`M${from} L${to}`, edges.every((edge) => edge.backward === null) ? "idle" : "", edges);
  }

  /** Frames around the open modules, with a bar that closes them. */
  function boxes(where) {
    for (const e of stage.querySelectorAll(".box")) e.remove();
    const groups = Object.entries(data.groups).sort((a, b) => b[1].level - a[1].level);
    for (const [key, group] of groups) {
      if (chain(key).some((k) => !data.groups[k].open && data.groups[k].count === 1)) continue;
      if (!group.open && group.count === 1) continue;
      const inside = data.nodes.map((node, i) => [node, where[i]]).filter(([node]) => node.groups.includes(key));
      const cards = new Set(inside.map(([, k]) => (typeof k === "number" ? data.nodes[k].element : data.groups[k].card)));
      const lines = new Map(); // a frame in each line of columns
      for (const card of cards) {
        if (card.hidden) continue;
        const { x, y, w, h } = card.box;
        const found = [...lines.values()].find((box) => y < box[3] + 40 && y + h > box[1] - 40);
        const box = [x, y, x + w, y + h];
        if (found) { for (const i of [0, 1]) { found[i] = Math.min(found[i], box[i]); found[i + 2] = Math.max(found[i + 2], box[i + 2]); } }
        else lines.set(card, box);
      }
      const around = inside.map(([node, k]) => (typeof k === "number" ? node.groups : chain(k)));
      const deeper = Math.max(1, ...around.map((groups) => groups.length - groups.indexOf(key)));
      [...lines.values()].forEach(([x0, y0, x1, y1], n) => {
        const frame = element("div", `box${group.count > 1 ? " repeat" : ""}`);
        const pad = 5 * deeper, head = 23 * deeper;
        put(frame, x0 - pad, y0 - head);
        Object.assign(frame.box, { w: x1 - x0 + 2 * pad, h: y1 - y0 + head + pad });
        Object.assign(frame.style, { width: `${frame.box.w}px`, height: `${frame.box.h}px` });
        stage.prepend(frame);
        if (!n) {
          group.bar.hidden = false;
          group.bar.setAttribute("aria-expanded", String(group.open));
          group.bar.firstElementChild.textContent = group.open ? "−" : "+";
          group.bar.setAttribute("aria-label", `${group.open ? data.words.close : data.words.open} ${group.title}`);
          group.bar.style.maxWidth = `${Math.max(60, x1 - x0 + 2 * pad - 6)}px`;
          put(group.bar, x0 - pad + 3, y0 - head + 2);
        }
      });
    }
  }

  function resize() {
    const [dx, dy] = state.shift.map((d) => d * state.scale);
    stage.style.transform = `translate(${dx}px, ${dy}px) scale(${state.scale})`;
    at("extent").style.width = `${state.size[0] * state.scale + dx}px`;
    at("extent").style.height = `${state.size[1] * state.scale + dy}px`;
  }
  function scale(z) {
    state.scale = Math.max(0.2, Math.min(3, z));
    draw();
  }
  at("larger").onclick = () => scale(state.scale * 1.25);
  at("smaller").onclick = () => scale(state.scale / 1.25);
  at("fit").onclick = () => {
    state.scale = Math.max(0.4, Math.min(1, (picture.clientWidth - 4) / state.size[0]));
    resize();
  };
  at("turn").onclick = () => { state.direction = state.direction === "LR" ? "TB" : "LR"; draw(); };
  const all = (open) => { for (const group of Object.values(data.groups)) group.open = open; draw(); };
  at("open").onclick = () => all(true);
  at("close").onclick = () => all(false);
  at("open").hidden = at("close").hidden = Object.keys(data.groups).length === 0;
  picture.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    scale(state.scale * (event.deltaY < 0 ? 1.1 : 1 / 1.1));
  }, { passive: false });
  let held = null; // the picture is dragged
  picture.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && !event.target.closest(".node, .bar")) held = [event.clientX, event.clientY];
  });
  addEventListener("pointermove", (event) => {
    if (!held) return;
    picture.scrollBy(held[0] - event.clientX, held[1] - event.clientY);
    held = [event.clientX, event.clientY];
  });
  addEventListener("pointerup", () => { held = null; });
  let width = 0;
  new ResizeObserver(() => {
    const other = Math.abs(picture.clientWidth - width) > 8;
    width = picture.clientWidth;
    if (other) draw();
  }).observe(picture);
  addEventListener("beforeprint", () => draw());

  /** Bring a node's card into the middle. */
  function follow(i) {
    const key = seen(i);
    const card = typeof key === "number" ? data.nodes[key].element : data.groups[key].card;
    const a = picture.getBoundingClientRect(), b = card.getBoundingClientRect();
    const smooth = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    picture.scrollBy({
      left: (b.left + b.right - a.left - a.right) / 2, top: (b.top + b.bottom - a.top - a.bottom) / 2,
      behavior: smooth ? "smooth" : "auto",
    });
    return card;
  }
  return { draw, follow, seen, state };
})();
