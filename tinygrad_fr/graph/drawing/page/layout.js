"use strict";
// A layered layout: columns in the order of computation (rows, from top to bottom), as few crossings
// as sweeping gives, and edges as straight as the cards' sizes allow.

const BENDS = 3000;

/** Positions that keep an order and distances, as near to the wished ones as possible. */
function apart(wished, distance) {
  const blocks = []; // of positions that have met: pool adjacent violators
  let offset = 0;
  const offsets = wished.map((_, i) => (offset += i ? distance[i] : 0));
  wished.forEach((wish, i) => {
    blocks.push({ sum: wish - offsets[i], n: 1 });
    while (blocks.length > 1) {
      const last = blocks[blocks.length - 1], before = blocks[blocks.length - 2];
      if (before.sum / before.n <= last.sum / last.n) break;
      before.sum += last.sum;
      before.n += last.n;
      blocks.pop();
    }
  });
  return blocks.flatMap((b) => Array(b.n).fill(b.sum / b.n)).map((x, i) => x + offsets[i]);
}

/**
 * Cells have `main` and `cross` sizes, `before` and `after` (what lies on either side of their port)
 * and are in the order of computation; edges are pairs of their numbers. Columns that do not fit into
 * `room` go on in the next line. Gives each cell its `at` and `line`, and each edge its points.
 */
function layOut(cells, edges, { room, gap, between, margin }) {
  const ahead = cells.map(() => []), behind = cells.map(() => []);
  for (const { a, b } of edges) { ahead[a].push(b); behind[b].push(a); }
  const rank = cells.map(() => 0);
  cells.forEach((_, i) => { for (const a of behind[i]) rank[i] = Math.max(rank[i], rank[a] + 1); });
  for (let i = cells.length - 1; i >= 0; i--) { // what is given stands just before its use
    if (!behind[i].length && ahead[i].length) rank[i] = Math.max(0, Math.min(...ahead[i].map((b) => rank[b])) - 1);
  }
  const items = cells.map((cell, i) => ({ ...cell, rank: rank[i], ahead: [], behind: [], cell: i }));
  const spans = edges.reduce((sum, { a, b }) => sum + rank[b] - rank[a] - 1, 0);
  for (const edge of edges) { // an edge over several columns bends in each, unless there are too many
    let last = edge.a;
    edge.way = [edge.a];
    if (spans <= BENDS) for (let r = rank[edge.a] + 1; r < rank[edge.b]; r++) {
      items.push({ main: 0, before: 4, after: 4, rank: r, ahead: [], behind: [last], bend: true });
      items[last].ahead.push(items.length - 1);
      last = items.length - 1;
      edge.way.push(last);
    }
    items[last].ahead.push(edge.b);
    items[edge.b].behind.push(last);
    edge.way.push(edge.b);
  }
  const columns = [];
  items.forEach((item, i) => (columns[item.rank] ??= []).push(i));
  const place = [];
  const number = () => columns.forEach((column) => column.forEach((i, n) => { place[i] = n; }));
  number();
  const sweeps = items.length > 1500 ? 3 : 15;
  for (let sweep = 0; sweep < Math.min(8, sweeps); sweep++) {
    const order = sweep % 2 ? [...columns].reverse() : columns;
    for (const column of order) {
      const weight = new Map(column.map((i) => {
        const near = items[i][sweep % 2 ? "ahead" : "behind"];
        return [i, near.length ? near.reduce((s, j) => s + place[j], 0) / near.length : place[i]];
      }));
      column.sort((i, j) => weight.get(i) - weight.get(j) || place[i] - place[j]);
      column.forEach((i, n) => { place[i] = n; });
    }
  }
  items.forEach((item) => { item.at = 0; });
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const order = sweep % 2 ? [...columns].reverse() : columns;
    for (const column of order) {
      const distance = column.map((i, n) => (n ? items[column[n - 1]].after + gap + items[i].before : 0));
      const wished = column.map((i) => {
        const near = items[i][sweep % 2 ? "ahead" : "behind"];
        return near.length ? near.reduce((s, j) => s + items[j].at, 0) / near.length : items[i].at;
      });
      apart(wished, distance).forEach((at, n) => { items[column[n]].at = at; });
    }
  }
  // Along the way: columns beside each other, in lines.
  let along = 0, line = 0;
  const start = [], lines = [[]];
  columns.forEach((column, r) => {
    const thick = Math.max(0, ...column.map((i) => items[i].main));
    if (along && along + thick > room) { along = 0; lines[++line] = []; }
    start[r] = { along, thick, line };
    lines[line].push(r);
    along += thick + between;
  });
  let top = 0;
  for (const ranks of lines) {
    const members = ranks.flatMap((r) => columns[r]).map((i) => items[i]);
    const low = Math.min(...members.map((item) => item.at - item.before));
    const high = Math.max(...members.map((item) => item.at + item.after));
    for (const item of members) item.at += top + margin - low;
    top += high - low + 2 * margin;
    lines[lines.indexOf(ranks)] = Object.assign(ranks, { end: top });
    top += 22;
  }
  for (const item of items) {
    const { along: a, thick, line: l } = start[item.rank];
    Object.assign(item, { from: a + (thick - item.main) / 2, line: l, column: [a, a + thick] });
  }
  return {
    cells: items.slice(0, cells.length), across: top - 22,
    along: Math.max(...start.map((s) => s.along + s.thick)),
    ways: edges.map((edge) => edge.way.map((i) => items[i])), ends: lines.map((l) => l.end),
  };
}
