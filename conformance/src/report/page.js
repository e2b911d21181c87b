"use strict";
(() => {
  const root = document.documentElement;
  const cases = [...document.querySelectorAll(".case")];
  const search = document.getElementById("search");
  const group = document.getElementById("group");
  const shown = document.getElementById("shown");
  const chips = [...document.querySelectorAll(".tools button[data-verdict]")];
  const texts = new Map();

  // What a case can be found by: everything it shows, frames included, read once.
  const textOf = (card) => {
    if (!texts.has(card)) texts.set(card, card.textContent.toLowerCase());
    return texts.get(card);
  };

  const apply = () => {
    const wanted = new Set(chips.filter((chip) => chip.getAttribute("aria-pressed") === "true").map((chip) => chip.dataset.verdict));
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const counts = new Map();
    for (const card of cases) {
      const fits = (wanted.size === 0 || wanted.has(card.dataset.verdict))
        && (group.value === "" || group.value === card.dataset.group)
        && words.every((word) => textOf(card).includes(word));
      card.hidden = !fits;
      if (fits) counts.set(card.dataset.verdict, (counts.get(card.dataset.verdict) || 0) + 1);
    }
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
    const parts = chips.map((chip) => chip.dataset.verdict).filter((verdict) => counts.has(verdict)).map((verdict) => counts.get(verdict) + " " + verdict);
    shown.textContent = "Showing " + total + " of " + cases.length + " cases" + (parts.length ? ": " + parts.join(", ") : "");
  };

  // Frames are stored as they came; JSON is laid out when it is unfolded.
  document.addEventListener("toggle", (event) => {
    const frame = event.target;
    if (!frame.open || !frame.classList.contains("frame") || frame.dataset.laidOut) return;
    frame.dataset.laidOut = "yes";
    const text = frame.querySelector("pre");
    try { text.textContent = JSON.stringify(JSON.parse(text.textContent), null, 2); } catch { /* no JSON: shown as it came */ }
  }, true);

  const reveal = () => {
    const place = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!place) return;
    for (let at = place; at; at = at.parentElement) {
      if (at.classList.contains("case")) at.hidden = false;
      if (at.tagName === "DETAILS") at.open = true;
    }
    place.scrollIntoView();
  };

  let waiting = 0;
  search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(apply, 120); });
  group.addEventListener("change", apply);
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
      apply();
    });
  }
  document.getElementById("fold").addEventListener("click", () => {
    const visible = cases.filter((card) => !card.hidden);
    const open = !visible.some((card) => card.open);
    for (const card of visible) card.open = open;
  });
  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== search) { event.preventDefault(); search.focus(); }
  });
  addEventListener("hashchange", reveal);
  document.querySelector(".tools").hidden = false;
  apply();
  reveal();
})();
