"use strict";
(() => {
  const CHUNK = 200; // images that are listed at once, and added at the end of the list: thousands would be slow
  const MOST_PRINTED = 1000;
  const byId = (id) => document.getElementById(id);
  const list = byId("items"), viewer = byId("viewer"), stage = byId("stage");
  const items = [...list.children, ...byId("rest").content.children].map((element) => {
    const { score, name, verdict } = element.dataset;
    return { element, score: Number(score), name, verdict, sought: name.toLowerCase() };
  });
  const ofElement = new Map(items.map((item) => [item.element, item]));
  const names = new Intl.Collator(undefined, { numeric: true });
  const orders = {
    highest: (a, b) => b.score - a.score,
    lowest: (a, b) => a.score - b.score,
    name: (a, b) => names.compare(a.name, b.name),
    verdict: (a, b) => (a.verdict < b.verdict ? -1 : Number(a.verdict > b.verdict)),
  };
  let chosen = items, listed = 0, current = null, verdict = "";

  function sort() {
    items.sort(orders[byId("sort").value]);
    filter();
  }

  function filter() {
    const wanted = byId("find").value.toLowerCase();
    chosen = items.filter((item) => (!verdict || item.verdict === verdict) && item.sought.includes(wanted));
    list.replaceChildren();
    listed = 0;
    extend(CHUNK);
    byId("shown").textContent = chosen.length === items.length ? "" : `${chosen.length} of ${items.length} shown`;
  }

  function extend(end) {
    list.append(...chosen.slice(listed, end).map((item) => item.element));
    listed = Math.max(listed, Math.min(end, chosen.length));
    byId("more").hidden = listed >= chosen.length;
  }

  function show(item) {
    current = item;
    const view = item.element.querySelector("template");
    const source = view ? view.content : item.element.querySelector(".frame");
    stage.replaceChildren(...[...source.querySelectorAll("img")].map((image) => {
      const copy = document.importNode(image, true);
      copy.loading = "eager";
      return copy;
    }));
    stage.firstElementChild.alt = item.name;
    const numbers = item.element.querySelector(".numbers").cloneNode(true);
    byId("viewer-numbers").replaceChildren(...numbers.childNodes);
    byId("viewer-name").textContent = item.name;
    byId("viewer-note").hidden = Boolean(view);
    byId("position").textContent = `${chosen.indexOf(item) + 1} / ${chosen.length}`;
    if (!viewer.open) viewer.showModal();
  }

  function step(by) {
    const next = chosen[chosen.indexOf(current) + by];
    if (next) show(next);
  }

  function setColors(shown) {
    document.body.classList.toggle("plain", !shown);
    byId("colors").checked = shown;
  }

  function itemOf(event) {
    return ofElement.get(event.target.closest("#items > li"));
  }

  byId("sort").addEventListener("change", sort);
  byId("find").addEventListener("input", filter);
  byId("colors").addEventListener("change", () => setColors(byId("colors").checked));
  byId("viewer-colors").addEventListener("click", () => setColors(document.body.classList.contains("plain")));
  byId("previous").addEventListener("click", () => step(-1));
  byId("next").addEventListener("click", () => step(1));
  byId("close").addEventListener("click", () => viewer.close());
  byId("more").addEventListener("click", () => extend(listed + CHUNK));
  window.addEventListener("beforeprint", () => extend(MOST_PRINTED));
  for (const button of document.querySelectorAll(".filters button")) {
    button.addEventListener("click", () => {
      verdict = button.dataset.verdict;
      for (const other of document.querySelectorAll(".filters button")) {
        other.setAttribute("aria-pressed", String(other === button));
      }
      filter();
    });
  }
  list.addEventListener("click", (event) => {
    const item = itemOf(event);
    if (item) show(item);
  });
  list.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key], item = itemOf(event);
    const next = by && item && chosen[chosen.indexOf(item) + by];
    if (!next) return;
    extend(chosen.indexOf(next) + 1);
    next.element.querySelector(".open").focus();
  });
  viewer.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else if (event.key === "c") setColors(document.body.classList.contains("plain"));
    else return;
    event.preventDefault();
  });
  viewer.addEventListener("close", () => {
    stage.replaceChildren();
    extend(chosen.indexOf(current) + 1);
    current.element.querySelector(".open").focus();
  });
  document.querySelector(".tools").hidden = false;
  byId("sort").value = "highest";
  filter();
})();
