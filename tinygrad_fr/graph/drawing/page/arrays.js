// The numbers of the graph: stored, or computed again from the others by the links between entries.
const numbers = (() => {
  const known = data.answers.values, cache = new Map();
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const floats = (text) => { // a letter says how long the numbers are
    const found = bytes(text.slice(1)).buffer;
    return text[0] === "d" ? new Float64Array(found) : Float64Array.from(new Float32Array(found));
  };
  const size = (shape) => shape.reduce((a, b) => a * b, 1);
  const strides = (shape) => shape.map((_, i) => size(shape.slice(i + 1)));
  const MOST = 6e6; // terms that are gone through for one answer

  function unravel(n, shape) {
    return strides(shape).map((s, i) => Math.floor(n / s) % shape[i]);
  }

  /** By link, a function of an entry's number that calls back with place, weight, factor's place. */
  function reader(v, link) {
    const shape = known[v].shape, source = known[link.source].shape;
    if (link.rows) {
      return (n, tell) => link.rows[n][0].forEach((place, k) => tell(place, link.rows[n][1][k], -1));
    }
    const box = link.box, count = size(box), steps = strides(shape);
    const terms = Array.from({ length: count }, (_, t) => unravel(t, box));
    const locate = ([start, byEntry, byTerm, flat], target) => {
      const moves = terms.map((t) => byTerm.map((row) => row.reduce((s, x, k) => s + x * t[k], 0)));
      const across = strides(target), whole = size(target);
      return (entry) => {
        const base = start.map((c, i) => c + byEntry[i].reduce((s, x, k) => s + x * entry[k], 0));
        return (t) => {
          if (flat) {
            const place = base[0] + moves[t][0];
            return place >= 0 && place < whole ? place : -1;
          }
          let place = 0;
          for (let i = 0; i < base.length; i++) {
            const x = base[i] + moves[t][i];
            if (x < 0 || x >= target[i]) return -1;
            place += across[i] * x;
          }
          return place;
        };
      };
    };
    const inSource = locate(link.places, source);
    const inFactor = link.factor && locate(link.factor[1], known[link.factor[0]].shape);
    const weights = ["number", "undefined"].includes(typeof link.constant) ? null : unpack(link.constant);
    const entry = new Array(shape.length);
    return (n, tell) => {
      for (let i = 0; i < shape.length; i++) entry[i] = Math.floor(n / steps[i]) % shape[i];
      const here = inSource(entry), there = inFactor && inFactor(entry);
      if (link.choice) return choose(here, count, value(link.source), link.choice, tell);
      const other = link.factor && value(link.factor[0]);
      for (let t = 0; t < count; t++) {
        const place = here(t), spot = there ? there(t) : -1;
        if (place < 0 || (there && spot < 0)) continue;
        const weight = there ? link.factor[2] * other[spot]
          : weights ? weights[box.length ? t : n] : link.constant;
        tell(place, weight, spot);
      }
    };
  }

  function choose(here, count, x, choice, tell) {
    const places = [];
    for (let t = 0; t < count; t++) { const place = here(t); if (place >= 0) places.push(place); }
    const values = places.map((place) => x[place]);
    const best = values.reduce((a, b) => ((choice === "min" ? b < a : b > a) ? b : a), values[0]);
    const winners = choice === "first" ? 1 : values.filter((v) => v === best).length;
    let left = winners;
    places.forEach((place, k) => {
      const wins = values[k] === best && left > 0;
      if (wins) left -= 1;
      tell(place, wins ? 1 / winners : 0, -1);
    });
  }

  function unpack(weights) {
    if (typeof weights === "string") return floats(weights);
    const codes = bytes(weights.codes);
    return Float64Array.from(codes, (c) => weights.of[c]);
  }

  const once = (key, make) => { if (!cache.has(key)) cache.set(key, make()); return cache.get(key); };
  const read = (v, n) => once(`link ${v} ${n}`, () => reader(v, known[v].links[n]));

  /** Whether the numbers that are a link's weights are there. */
  const usable = (link) => !(link.choice && !value(link.source)) && !(link.factor && !value(link.factor[0]));

  function value(v) {
    return once(`value ${v}`, () => {
      const { shape, sum, links, value: stored } = known[v];
      if (stored) return floats(stored);
      if (!sum || sum.some((n) => !value(links[n].source) || !usable(links[n]))) return null;
      const found = new Float64Array(size(shape));
      for (const n of sum) {
        const x = value(links[n].source), tell = read(v, n);
        for (let i = 0; i < found.length; i++) tell(i, (place, weight) => { if (weight !== 0) found[i] += x[place] * weight; });
      }
      return found;
    });
  }

  /** The uses of a value, each with the number of its link; -1 where that could not be told. */
  const users = (v) => known[v].uses.map(([target, position]) =>
    [target, (known[target]?.links ?? []).findIndex((link) => link.position === position)]);

  function upstream(v) {
    return once(`upstream ${v}`, () => {
      const { shape, flows, upstream: stored } = known[v];
      if (!flows) return null;
      if (stored) return floats(stored);
      const found = new Float64Array(size(shape));
      for (const [target, n] of users(v)) {
        const g = n >= 0 && upstream(target);
        if (!g || !usable(known[target].links[n])) return null;
        const tell = read(target, n);
        for (let i = 0; i < g.length; i++) {
          if (g[i] !== 0) tell(i, (place, weight) => { found[place] += g[i] * weight; });
        }
      }
      return known[v].uses.length ? found : null;
    });
  }

  /** The terms of one entry: by link, places, weights and the factors' places. */
  function terms(v, entry) {
    return known[v].links.map((link, n) => {
      const found = [], ready = Boolean(value(link.source)) && usable(link);
      if (ready) read(v, n)(entry, (place, weight, spot) => found.push({ place, weight, spot }));
      return { link, found, ready, of: link.source };
    });
  }

  /** What flows into an entry: by use, the places in the user's gradient, the weights, the factors. */
  function arriving(v, entry) {
    return users(v).map(([target, n]) => {
      if (n < 0) return { target, found: null };
      const link = known[target].links[n], found = [];
      const g = upstream(target), count = size(known[target].shape);
      const most = count * Math.max(1, size(link.box ?? []));
      if (!g || most > MOST || !usable(link)) return { link, target, found: null };
      const tell = read(target, n);
      for (let i = 0; i < count; i++) {
        tell(i, (place, weight, spot) => { if (place === entry) found.push({ place: i, weight, spot }); });
      }
      return { link, target, found };
    });
  }
  return { known, value, upstream, terms, arriving, unravel, size };
})();
