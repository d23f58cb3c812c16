"use strict";
// The page works without this script, too: it then shows all steps, one below the other.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const steps = [...document.querySelectorAll(".step")];
  const svg = document.querySelector("#picture svg");
  const slider = at("slider");
  const GRADIENT = data.gradient;
  let place = 0, timer = null, zoom = 1;
  const solved = new Set(); // exercises, by edge

  // Within a node, what follows the first words in the gradient's colour is the gradient.
  const isGradient = (e) => e.getAttribute("fill") === GRADIENT || e.getAttribute("stroke") === GRADIENT;
  const parts = {};
  for (const id of Object.keys(data.nodes)) {
    const found = [];
    let seen = false;
    for (const child of at(id)?.children ?? []) {
      seen = seen || isGradient(child);
      if (seen && child.getAttribute("stroke") !== data.line) found.push(child); // but the border
    }
    parts[id] = found;
    at(id)?.addEventListener("click", () => { stop(); show(data.nodes[id][place > data.turn ? 1 : 0] ?? place); });
  }
  for (const id of Object.keys(data.edges)) {
    parts[id] = [...(at(id)?.querySelectorAll("text") ?? [])];
  }
  const halo = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  halo.setAttribute("class", "halo");
  halo.setAttribute("rx", "6");
  svg.querySelector("g").append(halo);

  const exercising = () => at("exercise").checked;
  const known = (when, ids) => when !== null && place >= when &&
    !(exercising() && ids.some((edge) => !solved.has(edge)));

  function show(n) {
    place = Math.max(0, Math.min(data.steps.length - 1, n));
    const step = data.steps[place];
    steps.forEach((section, i) => section.classList.toggle("shown", i === place));
    slider.value = String(place);
    const words = steps[place].querySelector("h2").textContent;
    slider.setAttribute("aria-valuetext", words);
    at("place").textContent = `${place} / ${data.steps.length - 1}`;
    for (const [id, [forward, backward, needs]] of Object.entries(data.nodes)) {
      at(id)?.classList.toggle("later", place < forward);
      for (const part of parts[id]) part.classList.toggle("hidden", !known(backward, needs));
    }
    for (const [id, [forward, backward, needs]] of Object.entries(data.edges)) {
      at(id)?.classList.toggle("later", place < forward);
      at(id)?.classList.toggle("now", step.edges.includes(id));
      for (const part of parts[id]) part.classList.toggle("hidden", !known(backward, needs));
    }
    for (const box of steps[place].querySelectorAll("[data-edge]")) {
      const asked = exercising() && box.querySelector(".guess") && !solved.has(box.dataset.edge);
      box.classList.toggle("guessing", Boolean(asked));
    }
    const boxes = [...document.querySelectorAll("[data-edge]")].filter((box) => box.querySelector(".guess"));
    const left = exercising() ? boxes.filter((box) => !solved.has(box.dataset.edge)).length : 0;
    for (const end of document.querySelectorAll(".end")) end.hidden = left > 0;
    for (const note of document.querySelectorAll(".left")) {
      note.hidden = left === 0;
      note.querySelector(".count").textContent = String(left);
    }
    at("words").hidden = left > 0; // they tell the gradients, too
    const node = step.node && at(step.node);
    halo.style.display = node ? "" : "none";
    if (node) {
      halo.style.display = "none"; // its own size must not count
      const box = node.getBBox();
      halo.style.display = "";
      for (const [name, value] of Object.entries({ x: box.x - 5, y: box.y - 5, width: box.width + 10, height: box.height + 10 })) {
        halo.setAttribute(name, value);
      }
      follow(node);
    }
  }

  function follow(node) {
    const frame = at("picture"), a = frame.getBoundingClientRect(), b = node.getBoundingClientRect();
    const smooth = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    frame.scrollBy({
      left: (b.left + b.right - a.left - a.right) / 2, top: (b.top + b.bottom - a.top - a.bottom) / 2,
      behavior: smooth ? "smooth" : "auto",
    });
  }

  // --- playing ---
  function stop() {
    if (timer !== null) clearInterval(timer);
    timer = null;
    at("play").textContent = `▶ ${data.words.play}`;
    at("play").setAttribute("aria-pressed", "false");
  }
  function play() {
    if (timer !== null) return stop();
    if (place === data.steps.length - 1) show(0);
    at("play").textContent = `⏸ ${data.words.pause}`;
    at("play").setAttribute("aria-pressed", "true");
    timer = setInterval(() => (place < data.steps.length - 1 ? show(place + 1) : stop()), 1800);
  }
  const go = (n) => { stop(); show(n); };
  at("first").onclick = () => go(0);
  at("previous").onclick = () => go(place - 1);
  at("next").onclick = () => go(place + 1);
  at("last").onclick = () => go(data.steps.length - 1);
  at("play").onclick = play;
  slider.oninput = () => go(Number(slider.value));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const target = event.target;
    const writing = target.matches("input[type=text]");
    if (writing || (target === slider && event.key !== " ") ) return;
    const pressed = target.matches("button, summary, input[type=checkbox]");
    const frame = target.id === "picture";
    const action = {
      ArrowRight: () => go(place + 1), ArrowLeft: () => go(place - 1),
      Home: () => go(0), End: () => go(data.steps.length - 1),
      " ": pressed ? null : play,
      e: () => { at("exercise").checked = !exercising(); show(place); },
    }[event.key];
    if (action && !(frame && event.shiftKey)) { event.preventDefault(); action(); }
  });

  // --- exercises: the downstream gradient is hidden until it is found or asked for ---
  at("exercise").onchange = () => show(place);
  function reveal(box, words) {
    solved.add(box.dataset.edge);
    show(place);
    box.querySelector(".said").textContent = words;
    box.querySelector(".said").style.display = "block";
  }
  for (const box of document.querySelectorAll("[data-edge]")) {
    const field = box.querySelector("input");
    if (!field) continue;
    const check = () => {
      const said = box.querySelector(".said");
      if (field.dataset.truth.includes(",")) { // a shape
        const numbers = (text) => (text.match(/\d+/g) ?? []).join();
        if (numbers(field.value) === numbers(field.dataset.truth)) reveal(box, data.words.right);
        else said.textContent = data.words.shape;
        return;
      }
      const guess = Number(field.value.trim().replace(",", ".").replace("−", "-"));
      const truth = Number(field.dataset.truth);
      if (field.value.trim() === "" || Number.isNaN(guess)) said.textContent = data.words.number;
      else if (Math.abs(guess - truth) <= 1e-8 + 0.01 * Math.abs(truth)) reveal(box, data.words.right);
      else if (Math.abs(guess + truth) <= 0.01 * Math.abs(truth)) said.textContent = data.words.sign;
      else said.textContent = data.words.wrong;
    };
    box.querySelector(".check").onclick = check;
    field.addEventListener("keydown", (event) => { if (event.key === "Enter") check(); });
    box.querySelector(".reveal").onclick = () => reveal(box, "");
  }

  // --- size of the picture ---
  const width = svg.viewBox.baseVal.width, height = svg.viewBox.baseVal.height;
  function scale(z) {
    zoom = Math.max(0.05, Math.min(6, z));
    svg.style.width = `${(width * 4 / 3) * zoom}px`;
    svg.style.height = `${(height * 4 / 3) * zoom}px`;
  }
  at("larger").onclick = () => { scale(zoom * 1.25); show(place); };
  at("smaller").onclick = () => { scale(zoom / 1.25); show(place); };
  at("fit").onclick = () => { scale((at("picture").clientWidth - 4) / (width * 4 / 3)); show(place); };
  const fitting = (at("picture").clientWidth - 4) / (width * 4 / 3);
  scale(Math.max(10 / 12, Math.min(1, fitting))); // the 12 px of the edges stay 10: a wide one scrolls
  document.body.classList.add("ready");
  show(0);
})();
