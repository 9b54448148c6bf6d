"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const list = byId("items"), viewer = byId("viewer"), stage = byId("stage");
  const items = [...list.children];
  const names = new Intl.Collator(undefined, { numeric: true });
  const orders = {
    highest: (a, b) => b.dataset.score - a.dataset.score,
    lowest: (a, b) => a.dataset.score - b.dataset.score,
    name: (a, b) => names.compare(a.dataset.name, b.dataset.name),
    verdict: (a, b) => (a.dataset.verdict < b.dataset.verdict ? -1 : a.dataset.verdict > b.dataset.verdict ? 1 : 0),
  };
  let visible = items, current = null, verdict = "";

  function sort() {
    const sorted = [...list.children].sort(orders[byId("sort").value]);
    const fragment = document.createDocumentFragment();
    for (const item of sorted) fragment.append(item);
    list.append(fragment);
    filter();
  }

  function filter() {
    const wanted = byId("find").value.toLowerCase();
    visible = [];
    for (const item of list.children) {
      const fits = (!verdict || item.dataset.verdict === verdict)
        && (!wanted || item.dataset.name.toLowerCase().includes(wanted));
      item.hidden = !fits;
      if (fits) visible.push(item);
    }
    const total = items.length;
    byId("shown").textContent = visible.length === total ? "" : `${visible.length} of ${total} shown`;
  }

  function show(item) {
    current = item;
    const view = item.querySelector("template"), source = view ? view.content : item.querySelector(".frame");
    stage.replaceChildren(...[...source.querySelectorAll("img")].map((image) => {
      const copy = document.importNode(image, true);
      copy.loading = "eager";
      return copy;
    }));
    stage.firstElementChild.alt = item.dataset.name;
    byId("viewer-numbers").replaceChildren(...[...item.querySelector(".numbers").childNodes].map((n) => n.cloneNode(true)));
    byId("viewer-name").textContent = item.dataset.name;
    byId("viewer-note").hidden = Boolean(view);
    byId("position").textContent = `${visible.indexOf(item) + 1} / ${visible.length}`;
    if (!viewer.open) viewer.showModal();
  }

  function step(by) {
    const next = visible[visible.indexOf(current) + by];
    if (next) show(next);
  }

  function setColors(shown) {
    document.body.classList.toggle("plain", !shown);
    byId("colors").checked = shown;
  }

  byId("sort").addEventListener("change", sort);
  byId("find").addEventListener("input", filter);
  byId("colors").addEventListener("change", () => setColors(byId("colors").checked));
  byId("viewer-colors").addEventListener("click", () => setColors(document.body.classList.contains("plain")));
  byId("previous").addEventListener("click", () => step(-1));
  byId("next").addEventListener("click", () => step(1));
  byId("close").addEventListener("click", () => viewer.close());
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
    const item = event.target.closest("#items > li");
    if (item) show(item);
  });
  list.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key], item = event.target.closest("#items > li");
    const next = by && item && visible[visible.indexOf(item) + by];
    if (next) next.querySelector(".open").focus();
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
    if (current) current.querySelector(".open").focus();
  });
  document.querySelector(".tools").hidden = false;
  byId("sort").value = "highest";
})();
