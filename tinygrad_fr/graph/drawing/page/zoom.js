// Where one number comes from: the entries that made it, their weights, their sum; and pictures of
// where they lie. Every entry that is named leads on to its own origin.
const zoom = (() => {
  const { known, value, upstream, terms, arriving, unravel, size } = numbers;
  const panel = at("zoom"), words = data.words;
  const MOST = 12, LARGEST = 8, TABLE = 80;
  const trail = []; // of what was looked at, to go back
  let here = null, timer = null, opener = null, locked = false;

  const fill = (text, ...values) => values.reduce((t, v, i) => t.replace(String.fromCharCode(i), () => v), text);
  const number = (x) => {
    if (!Number.isFinite(x)) return String(x);
    const text = Number(x.toPrecision(4));
    return Math.abs(text) >= 1e5 || (text !== 0 && Math.abs(text) < 1e-4) ? text.toExponential() : String(text);
  };
  const bracketed = (x) => (x < 0 ? `(${number(x)})` : number(x));
  const array = (kind, v) => (kind === "value" ? value(v) : upstream(v));
  const title = (kind, v) => known[v][kind === "value" ? "name" : "gradient"];
  const spoken = (kind, v) => known[v][kind === "value" ? "text" : "gradient_text"];
  const inside = (index) => (index.length ? `[${index.join(", ")}]` : "");

  /** An entry as a button that leads to its own origin. */
  function entry(kind, v, place) {
    const index = inside(unravel(place, known[v].shape));
    return `<button type="button" class="entry" data-kind="${kind}" data-v="${v}" data-place="${place}" aria-label="${escaped(spoken(kind, v) + index)}">${title(kind, v)}${index}</button>`;
  }

  // --- one explanation ---
  function show(kind, v, place, { keep = false, quiet = false } = {}) {
    if (!known[v] || (locked && kind === "upstream")) return;
    if (!panel.contains(document.activeElement) && !quiet) { // from outside: a new beginning
      opener = document.activeElement;
      trail.length = 0;
    }
    if (keep && here) trail.push(here);
    if (!quiet) stop();
    here = [kind, v, place];
    const x = array(kind, v), index = unravel(place, known[v].shape);
    const parts = kind === "value" ? forward(v, place) : backward(v, place);
    const heading = `${title(kind, v)}${inside(index)} = ${x ? number(x[place]) : "…"}`;
    panel.hidden = false;
    panel.innerHTML =
      `<div class="bar">${trail.length ? `<button type="button" class="back">← ${words.back}</button>` : ""}` +
      `<button type="button" class="other" ${known[v].flows && !locked ? "" : "hidden"}>${fill(kind === "value" ? words.gradient : words.value, `${known[v].name}${inside(index)}`)}</button>` +
      `<button type="button" class="play" ${size(known[v].shape) > 1 ? "" : "hidden"}>▶ ${words.move}</button>` +
      `<button type="button" class="close" aria-label="${words.close}">×</button></div>` +
      `<h2 tabindex="-1">${heading}</h2>${parts.html}`;
    const figures = panel.querySelector(".figures");
    for (const figure of parts.figures) figures?.append(figure);
    for (const button of panel.querySelectorAll(".entry")) {
      button.onclick = () => show(button.dataset.kind, Number(button.dataset.v), Number(button.dataset.place), { keep: true });
    }
    panel.querySelector(".back")?.addEventListener("click", () => { const last = trail.pop(); here = null; show(...last); });
    panel.querySelector(".other").onclick = () => show(kind === "value" ? "upstream" : "value", v, place, { keep: true });
    panel.querySelector(".play").onclick = play;
    panel.querySelector(".close").onclick = close;
    if (timer) panel.querySelector(".play").textContent = `⏸ ${words.stop}`;
    at("told").textContent = `${spoken(kind, v)}${inside(index)} = ${x ? number(x[place]) : ""}`;
    if (!quiet) {
      panel.querySelector("h2").focus({ preventScroll: true });
      if (panel.getBoundingClientRect().top > innerHeight - 120) panel.scrollIntoView({ block: "nearest" });
    }
    mark();
  }

  function forward(v, place) {
    const one = known[v], index = unravel(place, one.shape);
    if (!one.operation) return { html: `<p>${words.given}</p>`, figures: [] };
    const all = terms(v, place);
    const figures = [], html = [`<p>${one.formula}</p>`];
    if (one.sum && one.sum.every((n) => all[n].ready)) {
      let total = 0;
      const rows = one.sum.flatMap((n) => {
        const { link, found, of } = all[n];
        const x = value(of);
        return found.map((t) => {
          const product = x[t.place] === 0 || t.weight === 0 ? 0 : x[t.place] * t.weight;
          total += product;
          return { size: Math.abs(product), product, left: term("value", of, t, link), numbers: factors(x[t.place], t, link) };
        });
      });
      const letters = one.sum.map((n) => inLetters("value", all[n].of, all[n].link, all[n].found));
      const general = letters.filter(Boolean).join(" + ");
      if (rows.length > 1 && letters.every((l, k) => l || !all[one.sum[k]].found.length)) html.push(`<p class="general">${one.name}${inside(index)} = ${general}</p>`);
      const choice = one.sum.map((n) => all[n].link.choice).find(Boolean);
      if (choice) html.push(`<p>${winner(choice, all[one.sum[0]])}</p>`);
      html.push('<div class="figures"></div>', table(rows), `<p><b>${fill(words.sum, number(total))}</b></p>`);
      for (const n of one.sum) draw(figures, "value", all[n].of, all[n].link, all[n].found);
    } else {
      const x = value(v);
      html.push(`<p class="general">${worked(one, all, place, x)}</p>`, '<div class="figures"></div>');
      for (const { found, of } of all) {
        if (!found.length || known[of].number) continue; // how a power answers to its exponent is not asked
        const y = value(of);
        const rows = found.map((t) => ({ size: Math.abs(t.weight), product: t.weight,
          left: `${entry("value", of, t.place)} = ${number(y[t.place])}`,
          numbers: `${slope(v, place, of, t.place)}${ofSoftmax(one, v, place, t)}` }));
        html.push(`<p>${fill(words.slopes, known[of].name)}</p>`, table(rows, true));
        draw(figures, "value", of, {}, found);
      }
      if (all.every((a) => !a.found.length)) html.push(`<p>${large(index)}</p>`);
    }
    return { html: html.join(""), figures };
  }

  const fraction = (top, bottom) => `<math><mfrac><mrow>${top}</mrow><mrow>${bottom}</mrow></mfrac></math>`;
  const inner = (name) => name.replace(/<\/?math[^>]*>/g, "");

  /** The local derivative of an entry by another: how it is written. */
  function slope(v, place, of, other) {
    const name = (u, n) => `<mo>∂</mo>${inner(known[u].name)}<mtext>${inside(unravel(n, known[u].shape))}</mtext>`;
    return fraction(name(v, place), name(of, other));
  }

  /** A row of softmax's Jacobian in numbers: p (1 − p) on the diagonal, −p q beside it. */
  function ofSoftmax(one, v, place, t) {
    const p = value(v);
    if (one.operation !== "softmax" || !p) return "";
    const other = number(p[t.place]);
    return place === t.place ? ` = ${number(p[place])} · (1 - ${other})` : ` = -${number(p[place])} · ${other}`;
  }

  /** The value of a function with the numbers that it was computed from. */
  function worked(one, all, place, y) {
    const result = y ? ` = ${number(y[place])}` : "";
    const numbers_ = all.flatMap(({ found, of }) => found.map((t) => number(value(of)[t.place])));
    if (!numbers_.length || numbers_.length > 8) return "";
    if (["softmax", "log_softmax"].includes(one.operation)) {
      const power = (x) => `<msup><mi>e</mi><mn>${x}</mn></msup>`;
      const own = all[0].found.find((t) => t.place === place);
      const top = own && power(number(value(all[0].of)[own.place]));
      const share = top && fraction(top, numbers_.map(power).join("<mo>+</mo>"));
      return share ? `${one.operation === "softmax" ? "" : "ln "}${share}${result}` : "";
    }
    return `${escaped(one.operation)}(${numbers_.join(", ")})${result}`;
  }

  function backward(v, place) {
    const one = known[v], index = unravel(place, one.shape), g = upstream(v);
    if (v === data.answers.output) return { html: `<p>${words.start}</p>`, figures: [] };
    if (!g) return { html: `<p>${one.flows ? large(index) : words.unused}</p>`, figures: [] };
    const all = arriving(v, place), figures = [], html = [];
    if (all.length > 1) html.push(`<p>${fill(words.used, all.length)}</p>`);
    html.push('<div class="figures"></div>');
    let total = 0;
    for (const { link, target, found } of all) {
      const user = known[target];
      if (user) html.push(`<p>${fill(words.through, `<span>${user.name}</span>`, escaped(user.operation))}</p>`);
      if (!found) { html.push(`<p>${large(index)}</p>`); continue; }
      const up = upstream(target), letters = found.length > 1 && inLetters("upstream", target, link, found);
      html.push(`<p>${link.rule ?? ""}</p>`);
      if (letters) html.push(`<p class="general">${all.length === 1 ? `${one.gradient}${inside(index)} = ` : ""}${letters}</p>`);
      const rows = found.map((t) => {
        const product = up[t.place] === 0 ? 0 : up[t.place] * t.weight;
        total += product;
        const local = link.factor ? "" : ` · <button type="button" class="entry" data-kind="value" data-v="${target}" data-place="${t.place}">${slope(target, t.place, v, place)}</button>`;
        return { size: Math.abs(product), product, left: term("upstream", target, t, link) + local, numbers: factors(up[t.place], t, link, true) };
      });
      html.push(table(rows));
      draw(figures, "upstream", target, link, found);
    }
    if (all.every(({ found }) => found)) html.push(`<p><b>${fill(words.sum, number(total))}</b></p>`);
    return { html: html.join(""), figures };
  }

  const large = (index) => `<code>${escaped(fill(words.large, `(${index.join(", ")}${index.length === 1 ? "," : ""})`))}</code>`;
  const term = (kind, of, t, link) =>
    entry(kind, of, t.place) + (link.factor ? ` · ${entry("value", link.factor[0], t.spot)}` : "");
  const factors = (x, t, link, gradient = false) =>
    t.weight === 1 && !link.factor && !gradient ? "" : `${number(x)} · ${bracketed(t.weight)}`;

  function winner(choice, { found, of }) {
    const won = found.filter((t) => t.weight !== 0), word = choice === "min" ? words.smallest : words.largest;
    return `${won.length > 1 ? words.ties : word} (${found.length}) : ${won.slice(0, 3).map((t) => entry("value", of, t.place)).join(", ")}`;
  }

  function table(rows, slopes = false) {
    let order = rows.map((_, i) => i);
    if (rows.length > MOST) {
      order = order.sort((a, b) => rows[b].size - rows[a].size).slice(0, LARGEST).sort((a, b) => a - b);
    }
    const left = rows.filter((_, i) => !order.includes(i));
    const lines = order.map((i) => {
      const { left: words_, numbers: n, product } = rows[i];
      return `<tr><td>${words_}</td><td>${n && (slopes ? n : `= ${n}`)}</td><td>= ${number(product)}</td></tr>`;
    });
    if (left.length) {
      const sum = left.reduce((s, row) => s + row.product, 0);
      lines.push(`<tr><td colspan="3">${slopes ? fill(words.more, left.length) : fill(words.others, left.length, number(sum))}</td></tr>`);
    }
    return `<table class="terms">${lines.join("")}</table>`;
  }

  /** The sum with letters for what varies; empty where no letters tell it. */
  function inLetters(kind, of, link, found) {
    if (found.length < 2) return found[0] ? term(kind, of, found[0], link) : "";
    const told = pattern(found.map((t) => unravel(t.place, known[of].shape)),
      link.factor ? found.map((t) => unravel(t.spot, known[link.factor[0]].shape)) : null);
    const same = found.every((t) => t.weight === found[0].weight);
    if (!told || (!link.factor && !link.choice && !same)) return "";
    const letters = told.ranges.map(([l]) => `<i>${l}</i>`).join(", ");
    const spans = told.ranges.map(([l, a, b]) => `<i>${l}</i> = ${a}…${b}`).join(", ");
    const weight = link.factor ? ` ${known[link.factor[0]].name}[${told.factor.join(", ")}]`
      : link.choice || found[0].weight === 1 ? "" : ` · ${bracketed(found[0].weight)}`;
    const sign = { min: "min", max: "max", first: "max" }[link.choice] ?? "∑";
    return `${sign}<sub>${letters}</sub> ${title(kind, of)}[${told.entry.join(", ")}]${weight} <span class="note">(${spans})</span>`;
  }

  /** How places vary together: numbers, letters, or a letter and what is added to it. */
  function pattern(entries, factors) {
    const free = [..."klmnpqrst"], ranges = [];
    const written = (column) => {
      if (column.every((x) => x === column[0])) return String(column[0]);
      for (const [letter, low, high, values] of ranges) {
        const [i, j] = [values.indexOf(low), values.indexOf(high)];
        const step = (column[j] - column[i]) / (high - low), start = column[0] - step * values[0];
        if (!Number.isInteger(step) || !step || column.some((x, n) => x !== step * values[n] + start)) continue;
        const moved = `${Math.abs(step) === 1 ? "" : Math.abs(step)}<i>${letter}</i>`;
        if (step < 0) return `${start} − ${moved}`;
        return start ? `${moved} ${start > 0 ? "+" : "−"} ${Math.abs(start)}` : moved;
      }
      const [low, high] = extent(column), letter = free.shift();
      if (!letter || new Set(column).size !== high - low + 1) return null;
      ranges.push([letter, low, high, column]);
      return `<i>${letter}</i>`;
    };
    const columns = (places) => places[0].map((_, axis) => written(places.map((p) => p[axis])));
    const factor = factors ? columns(factors) : [], entry = columns(entries);
    const count = ranges.reduce((n, [, low, high]) => n * (high - low + 1), 1);
    return [...factor, ...entry].includes(null) || count !== entries.length ? null : { entry, factor, ranges };
  }

  // --- pictures of where the entries lie ---
  function draw(figures, kind, of, link, found) {
    if (!found.length) return;
    const places = found.map((t) => t.place);
    if (size(known[of].shape) > 1) figures.push(image(kind, of, places));
    if (link.factor) {
      const spots = found.map((t) => t.spot);
      if (size(known[link.factor[0]].shape) > 1) figures.push(image("value", link.factor[0], spots));
      const lying = laidOver(kind, of, found);
      if (lying) figures.push(lying);
    }
  }

  /** A window's numbers, and the weights as they lie over it: the turned kernel is seen. */
  function laidOver(kind, of, found) {
    const shape = known[of].shape;
    if (shape.length < 2 || found.length < 4 || found.length > 49) return null;
    const places = found.map((t) => unravel(t.place, shape));
    const last = shape.length - 1;
    if (places.some((p) => p.slice(0, -2).join() !== places[0].slice(0, -2).join())) return null;
    const rows = places.map((p) => p[last - 1]), columns = places.map((p) => p[last]);
    const [r0, c0] = [Math.min(...rows), Math.min(...columns)];
    const h = Math.max(...rows) - r0 + 1, w = Math.max(...columns) - c0 + 1;
    if (h * w !== found.length || h < 2 || w < 2) return null;
    const x = array(kind, of);
    const grid = (get) => `<table class="matrix">${Array.from({ length: h }, (_, r) => `<tr>${Array.from({ length: w }, (_, c) => {
      const t = found[places.findIndex((p) => p[last - 1] === r + r0 && p[last] === c + c0)];
      return `<td>${number(get(t))}</td>`;
    }).join("")}</tr>`).join("")}</table>`;
    const figure = element("figure", "lying", `${grid((t) => x[t.place])} ⊙ ${grid((t) => t.weight)}`);
    figure.append(element("figcaption", "", `${words.window} ⊙ ${words.over}`));
    return figure;
  }

  const isTable = (shape) => size(shape) <= TABLE && (shape[shape.length - 1] ?? 1) <= 10 && shape.length <= 2;

  /** An array as a table, or as an image of its entries; some are marked. */
  function image(kind, v, places) {
    const shape = known[v].shape, x = array(kind, v);
    const figure = element("figure", kind === "upstream" ? "gradient" : "");
    const marked = new Set(places);
    const columns = shape.length ? shape[shape.length - 1] : 1;
    if (isTable(shape)) {
      const cells = Array.from(x, (value_, n) => `<td data-n="${n}" class="${marked.has(n) ? "marked" : ""}">${number(value_)}</td>`);
      const rows = Array.from({ length: x.length / columns }, (_, r) => `<tr>${cells.slice(r * columns, (r + 1) * columns).join("")}</tr>`);
      figure.innerHTML = `<table class="matrix">${rows.join("")}</table>`;
      enter(figure.querySelector("table"), kind, v);
    } else {
      figure.append(...pixels(kind, v, marked));
    }
    figure.append(element("figcaption", "", `${title(kind, v)} <span class="note">(${shape.join(", ")})</span>`));
    return figure;
  }

  /** The cells of a table lead to their entries' origins; arrows go from cell to cell. */
  function enter(grid, kind, v) {
    const cells = [...grid.querySelectorAll("td")];
    const columns = grid.rows[0].cells.length;
    cells.forEach((cell, n) => {
      if (!known[v] || n >= size(known[v].shape)) return;
      cell.tabIndex = n ? -1 : 0;
      cell.setAttribute("role", "button");
      cell.classList.add("can");
      const index = inside(unravel(n, known[v].shape));
      cell.setAttribute("aria-label", `${spoken(kind, v)}${index} = ${cell.textContent}`);
      cell.onclick = (event) => { event.stopPropagation(); cell.focus(); show(kind, v, n, { keep: panel.contains(cell) }); };
      cell.onkeydown = (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); event.stopPropagation(); show(kind, v, n); }
        if (step && cells[n + step]) {
          event.preventDefault();
          event.stopPropagation();
          cells[n].tabIndex = -1;
          cells[n + step].tabIndex = 0;
          cells[n + step].focus();
        }
      };
    });
  }

  const colour = (share) => { // blue below 0, white, orange above: told apart by all eyes, and in grey
    const [r, g, b] = share < 0 ? [33, 102, 172] : [178, 74, 0], k = Math.min(1, Math.abs(share));
    return [r, g, b].map((c) => Math.round(255 + (c - 255) * k));
  };

  function pixels(kind, v, marked = new Set()) {
    const shape = known[v].shape, x = array(kind, v);
    const w = shape[shape.length - 1] ?? 1, h = shape.length > 1 ? shape[shape.length - 2] : 1;
    const planes = size(shape) / (w * h), touched = [...new Set([...marked].map((n) => Math.floor(n / (w * h))))];
    const shown = planes <= 8 ? [...Array(planes).keys()] : [...new Set([...touched, ...Array(8).keys()])].slice(0, 8).sort((a, b) => a - b);
    let most = 0;
    for (const value_ of x) if (Number.isFinite(value_)) most = Math.max(most, Math.abs(value_));
    const side = Math.max(1, Math.min(16, Math.floor((shown.length > 1 ? 170 : 340) / Math.max(w, h))), Math.min(6, Math.floor(60 / h)));
    const parts = shown.map((plane) => {
      const canvas = document.createElement("canvas");
      canvas.width = w * side;
      canvas.height = Math.max(h * side, 8);
      const pen = canvas.getContext("2d");
      for (let r = 0; r < h; r++) for (let c = 0; c < w; c++) {
        pen.fillStyle = `rgb(${colour(most ? x[plane * w * h + r * w + c] / most : 0)})`;
        pen.fillRect(c * side, r * side, side, Math.max(side, canvas.height / h));
      }
      const spots = [...marked].filter((n) => Math.floor(n / (w * h)) === plane);
      if (spots.length && spots.length < size(shape)) outline(pen, spots.map((n) => [Math.floor((n % (w * h)) / w), n % w]), side, canvas);
      return cursor(canvas, kind, v, plane, w, h, side);
    });
    const frame = element("div", "pixels");
    frame.append(...parts);
    const note = element("div", "note", `${fill(words.range, ...extent(x).map(number))}${shown.length < planes ? ` · ${shown.length} / ${planes}` : ""} · ${words.colours}`);
    return [frame, note];
  }
  function extent(x) {
    let low = Infinity, high = -Infinity;
    for (const v of x) { if (v < low) low = v; if (v > high) high = v; }
    return [low, high];
  }
  function outline(pen, spots, side, canvas) {
    const there = new Set(spots.map(String));
    for (const [style, width] of [["#fff", 4], ["#00695c", 2]]) {
      pen.strokeStyle = style;
      pen.lineWidth = Math.max(1, Math.min(width, side));
      pen.beginPath();
      for (const [r, c] of spots) {
        const [x, y] = [c * side, r * side], end = Math.max(side, canvas.height / Math.max(1, canvas.height / side));
        if (!there.has(String([r - 1, c]))) { pen.moveTo(x, y); pen.lineTo(x + side, y); }
        if (!there.has(String([r + 1, c]))) { pen.moveTo(x, y + end); pen.lineTo(x + side, y + end); }
        if (!there.has(String([r, c - 1]))) { pen.moveTo(x, y); pen.lineTo(x, y + end); }
        if (!there.has(String([r, c + 1]))) { pen.moveTo(x + side, y); pen.lineTo(x + side, y + end); }
      }
      pen.stroke();
    }
  }

  /** An image that is clicked, or gone through by arrows; a frame shows where one is. */
  function cursor(canvas, kind, v, plane, w, h, side) {
    const wrapper = element("span", "plane"), frame = element("span", "cursor"), note = element("span", "now-at");
    wrapper.append(canvas, frame, note);
    let [r, c] = here?.[0] === kind && here[1] === v ? [Math.floor((here[2] % (w * h)) / w), here[2] % w] : [0, 0];
    const place = () => plane * w * h + r * w + c;
    const words_ = () => `${spoken(kind, v)}${inside(unravel(place(), known[v].shape))} = ${number(array(kind, v)[place()])}`;
    const look = (aloud) => {
      const tall = canvas.height / h;
      Object.assign(frame.style, { left: `${c * side}px`, top: `${r * tall}px`, width: `${side + 2}px`, height: `${tall + 2}px`, display: "block" });
      note.textContent = words_();
      if (aloud) at("told").textContent = words_();
    };
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", fill(words.image, spoken(kind, v)));
    const point = (event) => {
      const box = canvas.getBoundingClientRect();
      r = Math.max(0, Math.min(h - 1, Math.floor((event.clientY - box.top) / box.height * h)));
      c = Math.max(0, Math.min(w - 1, Math.floor((event.clientX - box.left) / box.width * w)));
      look(false);
    };
    const leave = () => { frame.style.display = "none"; note.textContent = ""; };
    canvas.onmousemove = point;
    canvas.onmouseleave = canvas.onblur = leave;
    canvas.onfocus = () => look(true);
    const open = () => show(kind, v, place(), { keep: panel.contains(canvas) });
    canvas.onclick = (event) => { event.stopPropagation(); point(event); canvas.focus(); open(); };
    canvas.onkeydown = (event) => {
      const moves = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
      if (moves) {
        event.preventDefault();
        event.stopPropagation();
        r = Math.max(0, Math.min(h - 1, r + moves[0]));
        c = Math.max(0, Math.min(w - 1, c + moves[1]));
        look(true);
      }
      if (event.key === "Enter") { event.preventDefault(); event.stopPropagation(); open(); }
    };
    return wrapper;
  }

  // --- the window moves ---
  function stop() { clearInterval(timer); timer = null; }
  function play() {
    const button = panel.querySelector(".play");
    if (timer) { stop(); button.textContent = `▶ ${words.move}`; return; }
    const next = () => {
      const [kind, v, place] = here, shape = known[v].shape;
      const count = shape.length > 1 ? shape[shape.length - 1] * shape[shape.length - 2] : size(shape);
      const start = Math.floor(place / count) * count;
      show(kind, v, start + ((place - start + 1) % count), { quiet: true });
    };
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return next(); // a step for each click
    timer = setInterval(next, 700);
    next();
  }

  function close() {
    stop();
    trail.length = 0;
    here = null;
    panel.hidden = true;
    at("told").textContent = "";
    if (opener?.isConnected) opener.focus({ preventScroll: true });
    opener = null;
    mark();
  }

  /** Mark the entry that is explained, wherever it is seen as a number. */
  function mark() {
    for (const cell of document.querySelectorAll(".now-entry")) cell.classList.remove("now-entry");
    if (!here) return;
    const [kind, v, place] = here;
    for (const grid of document.querySelectorAll(`[data-of="${kind} ${v}"]`)) {
      const cell = grid.tagName === "TABLE" ? grid.querySelectorAll("td")[place] : known[v].shape.length ? null : grid;
      cell?.classList.add("now-entry");
    }
  }

  /** Let the arrays in a part of the page be clicked; large ones get their image there. */
  function prepare(part, images) {
    for (const place of part.querySelectorAll("[data-of]")) {
      const [kind, name] = place.dataset.of.split(" "), v = Number(name);
      if (!known[v] || place.dataset.ready || (kind === "upstream" && !known[v].flows)) continue;
      place.dataset.ready = "1";
      if (place.tagName === "TABLE") enter(place, kind, v);
      else if (!known[v].shape.length) single(place, kind, v);
      else if (images && array(kind, v)) {
        place.querySelector(".thumbnails")?.remove(); // the same, smaller
        if (isTable(known[v].shape)) place.replaceWith(image(kind, v, []));
        else place.after(...pixels(kind, v));
      }
    }
  }
  function single(place, kind, v) {
    place.classList.add("can");
    place.tabIndex = 0;
    place.setAttribute("role", "button");
    place.setAttribute("aria-label", `${spoken(kind, v)} = ${place.textContent}`);
    place.onclick = (event) => { event.stopPropagation(); place.focus(); show(kind, v, 0); };
    place.onkeydown = (event) => {
      if (event.key === "Enter") { event.preventDefault(); event.stopPropagation(); show(kind, v, 0); }
    };
  }
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { event.stopPropagation(); close(); }
    if (event.key.startsWith("Arrow")) event.stopPropagation();
  });
  const lock = (on) => { locked = on; if (on && here?.[0] === "upstream") close(); };
  return { show, prepare, close, lock };
})();
