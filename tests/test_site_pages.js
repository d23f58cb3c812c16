// What is wrong with a page, in words: its theme, its width, the contrast of its text.
(theme) => {
  const faults = [];
  const still = document.createElement("style");
  still.textContent = "* { transition: none !important }"; // colours are what they will be
  document.head.append(still);
  if (document.documentElement.dataset.theme !== theme) faults.push("not in this theme");

  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) {
    const wide = [...document.querySelectorAll("main *")]
      .filter((e) => e.getBoundingClientRect().right > width + 1)
      .filter((e) => {
        for (let p = e; p && p !== document.body; p = p.parentElement)
          if (getComputedStyle(p).overflowX !== "visible") return false;
        return true;
      });
    const names = wide.slice(0, 3).map((e) => `${e.tagName} ${e.className}: ${e.textContent.slice(0, 40)}`);
    faults.push(`${document.documentElement.scrollWidth} px wide: ${names.join(" | ")}`);
  }

  // A canvas reads every notation of colours.
  const pixel = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const rgba = (colour) => {
    if (!known.has(colour)) {
      pixel.clearRect(0, 0, 1, 1);
      pixel.fillStyle = colour;
      pixel.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = pixel.getImageData(0, 0, 1, 1).data;
      known.set(colour, [r, g, b, a / 255]);
    }
    return known.get(colour);
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const luminance = (c) => {
    const [r, g, b] = c.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [x, y] = [luminance(a), luminance(b)];
    return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
  };
  const grounds = new Map();
  const ground = (e) => {
    if (!e) return theme === "dark" ? [18, 18, 18, 1] : [255, 255, 255, 1];
    if (!grounds.has(e)) grounds.set(e, over(rgba(getComputedStyle(e).backgroundColor), ground(e.parentElement)));
    return grounds.get(e);
  };
  const opacity = (e) => (e ? parseFloat(getComputedStyle(e).opacity) * opacity(e.parentElement) : 1);

  const seen = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = texts.nextNode()); ) {
    const e = node.parentElement;
    if (!node.data.trim() || seen.has(e) || e.closest("svg, script, style, noscript, dialog")) continue;
    seen.add(e);
    if (!e.checkVisibility({ visibilityProperty: true }) || !e.getClientRects().length) continue;
    const style = getComputedStyle(e);
    const colour = rgba(style.color);
    const below = ground(e);
    const shown = over([...colour.slice(0, 3), colour[3] * opacity(e)], below);
    const ratio = contrast(shown, below);
    if (ratio < 4.45) // a canvas rounds
      faults.push(`${ratio.toFixed(2)} ${e.tagName}.${e.className} in .${e.parentElement.className}: ${node.data.trim().slice(0, 40)}`);
  }
  return [...new Set(faults)].slice(0, 12);
}
