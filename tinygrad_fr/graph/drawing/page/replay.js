// Stepping, exercises, keys. The page works without scripts, too: it then shows all steps.
(() => {
  const stepping = document.body.dataset.mode === "replay";
  const steps = [...document.querySelectorAll(".step")];
  const slider = at("slider");
  if (!stepping) for (const section of steps) section.classList.remove("shown");
  let place = stepping ? 0 : data.steps.length - 1, timer = null;
  const solved = new Set(); // exercises, by edge
  const exercising = () => at("exercise").checked;
  const known = (when, ids) => when !== null && place >= when &&
    !(exercising() && ids.some((edge) => !solved.has(edge)));

  data.nodes.forEach((node, i) => {
    const go = () => {
      stop();
      const leaf = place > data.turn ? data.steps.length - 1 : 0; // where what is given is listed
      if (stepping) show(node.leaf ? leaf : (place > data.turn ? node.product : node.forward) ?? place);
      else look(i);
    };
    node.element.addEventListener("click", go);
    node.element.addEventListener("keydown", (event) => {
      if (event.target === node.element && event.key === "Enter") { event.preventDefault(); go(); }
    });
    zoom.prepare(node.element, false);
  });

  /** Of a drawing: what a node computes, and what it hands back. */
  function look(i) {
    const node = data.nodes[i];
    const wanted = node.leaf ? [] : [node.forward, node.product];
    steps.forEach((section, k) => section.classList.toggle("shown", wanted.includes(k)));
    for (const k of wanted) if (steps[k]) zoom.prepare(steps[k], true);
    light(i);
  }

  function light(i) {
    for (const card of document.querySelectorAll(".node.now")) card.classList.remove("now");
    if (i !== null && i !== undefined) graph.follow(i).classList.add("now");
  }

  function paint() {
    const step = stepping ? data.steps[place] : { edges: [] };
    for (const node of data.nodes) {
      node.element.classList.toggle("later", place < node.forward);
      for (const part of node.element.querySelectorAll(".grad")) {
        part.classList.toggle("hidden", !known(node.backward, node.needs));
      }
    }
    for (const path of document.querySelectorAll("#wires .edge")) {
      path.classList.toggle("later", path.edges.length > 0 && path.edges.every((edge) => place < edge.forward));
      path.classList.toggle("now", path.edges.some((edge) => step.edges.includes(edge.id)));
    }
    for (const edge of data.edges) edge.label?.classList.toggle("hidden", !known(edge.backward, edge.needs));
  }
  graph.changed = paint;

  function show(n) {
    place = Math.max(0, Math.min(data.steps.length - 1, n));
    const step = data.steps[place];
    steps.forEach((section, i) => section.classList.toggle("shown", i === place));
    slider.value = String(place);
    slider.setAttribute("aria-valuetext", steps[place].querySelector("h2").textContent);
    at("place").textContent = `${place} / ${data.steps.length - 1}`;
    for (const box of steps[place].querySelectorAll("[data-edge]")) {
      const asked = exercising() && box.querySelector(".guess") && !solved.has(box.dataset.edge);
      box.classList.toggle("guessing", Boolean(asked));
    }
    const boxes = [...document.querySelectorAll(".flow[data-edge]")].filter((box) => box.querySelector(".guess"));
    const left = exercising() ? boxes.filter((box) => !solved.has(box.dataset.edge)).length : 0;
    for (const end of document.querySelectorAll(".end")) end.hidden = left > 0;
    for (const note of document.querySelectorAll(".left")) {
      note.hidden = left === 0;
      note.querySelector(".count").textContent = String(left);
    }
    at("words").hidden = left > 0; // they tell the gradients, too
    zoom.prepare(steps[place], true);
    zoom.lock(exercising());
    paint();
    light(step.node);
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
  const go = (n) => { stop(); zoom.close(); show(n); };
  at("first").onclick = () => go(0);
  at("previous").onclick = () => go(place - 1);
  at("next").onclick = () => go(place + 1);
  at("last").onclick = () => go(data.steps.length - 1);
  at("play").onclick = play;
  slider.oninput = () => go(Number(slider.value));
  document.addEventListener("keydown", (event) => {
    if (!stepping || event.ctrlKey || event.altKey || event.metaKey) return;
    const target = event.target;
    const writing = target.matches("input[type=text]");
    if (writing || (target === slider && event.key !== " ")) return;
    const pressed = target.matches("button, summary, input[type=checkbox], [role=button]");
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
  for (const box of document.querySelectorAll(".flow[data-edge]")) {
    const field = box.querySelector("input");
    if (!field) continue;
    const check = () => {
      const said = box.querySelector(".said");
      if (field.dataset.truth.includes(",")) { // a shape
        const digits = (text) => (text.match(/\d+/g) ?? []).join();
        if (digits(field.value) === digits(field.dataset.truth)) reveal(box, data.words.right);
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

  addEventListener("beforeprint", () => steps.forEach((step) => zoom.prepare(step, true)));
  document.body.classList.add("ready");
  graph.draw();
  if (stepping) show(0);
})();
