// An explorer: tools, panels, legend, the image that is pointed at, and the selection.

const TOOLS = { move: ["Move", "m"], box: ["Box", "b"], lasso: ["Lasso", "l"] };
const IMAGES = { near: "Images if room", always: "Images always", never: "Dots only" };
const TIP = 72, LARGE = 132, SMALL = 52; // pixels of the longer side of a thumbnail
const MOST_FOUND = 1e6;
const HINTS = [
  "Point at a dot to see what it is and which codes are nearest. Click to keep it here.",
  "Drag moves the map. The wheel, two fingers or + and − zoom.",
  "Shift and drag selects; with Ctrl to add, with Alt to remove.",
  "With the keyboard: arrow keys move, Enter picks the point in the middle, Escape lets go.",
];

class Explorer {
  constructor(root) {
    this.root = root;
    this.data = readData(root.querySelector(".explorer-data"));
    this.isEmbedded = !root.classList.contains("whole");
    Object.assign(this, { tool: "move", images: "near", selected: new Set(), pinned: null, hovered: null, waiting: 0 });
    this.thumbnails = this.data.sprites && new Thumbnails(this.data.sprites, () => this.onThumbnails());
    this.schemes = this.colorings();
    this.colors = this.schemes[0];
    this.selection = new Selection(this);
    this.views = this.data.panels.map((panel) => new PanelView(this, panel));
    this.build();
    for (const view of this.views) new Gestures(view);
    this.setScheme();
    darkScheme.addEventListener("change", () => this.setScheme());
    window.addEventListener("beforeprint", () => { this.isPrinted = true; this.setScheme(); this.drawNow(); });
    window.addEventListener("afterprint", () => { this.isPrinted = false; this.setScheme(); });
  }

  colorings() {
    const { groupings, panels } = this.data;
    const measures = [...new Set(panels.flatMap((panel) => panel.measures.map(({ name }) => name)))];
    const found = [...groupings.map((grouping) => new GroupColors(grouping)),
      ...measures.map((name) => new MeasureColors(name, panels))];
    return [...found.filter(({ name }) => name === "class"), ...found.filter(({ name }) => name !== "class"),
      new PlainColors()];
  }

  build() {
    const button = (textContent, label, action) => {
      const made = element("button", { type: "button", textContent, title: label, onclick: action });
      made.setAttribute("aria-label", label);
      return made;
    };
    this.toolButtons = Object.entries(TOOLS).map(([tool, [name]]) => {
      const made = button(name, `${name} (${TOOLS[tool][1]})`, () => this.setTool(tool));
      made.dataset.tool = tool;
      return made;
    });
    const group = (className, ...children) => element("div", { className }, ...children);
    const choice = (label, options, onchange) => {
      const list = element("select", { onchange: () => onchange(list.value) },
        ...options.map(([value, textContent]) => element("option", { value, textContent })));
      list.autocomplete = "off";
      return element("label", {}, `${label} `, list);
    };
    const colorBy = choice("Color by", this.schemes.map(({ name }) => [name, name]), (name) => this.setColors(name));
    colorBy.className = "color-by";
    this.find = element("input", { type: "search", placeholder: "Find names", autocomplete: "off" });
    this.find.setAttribute("aria-label", "Find names");
    this.find.addEventListener("input", () => this.search(this.find.value));
    const tools = group("tools", group("group", ...this.toolButtons),
      group("group", button("−", "Zoom out (-)", () => this.each((view) => view.zoomBy(1 / 1.5))),
        button("+", "Zoom in (+)", () => this.each((view) => view.zoomBy(1.5))),
        button("All", "Show all (0)", () => this.each((view) => view.reset()))), colorBy);
    if (this.thumbnails) {
      const images = choice("", Object.entries(IMAGES), (value) => { this.images = value; this.redraw(); });
      images.className = "images";
      images.firstElementChild.setAttribute("aria-label", "Images");
      tools.append(images);
    }
    tools.append(this.find);
    this.legend = group("legend");
    this.card = element("section", { className: "card", tabIndex: -1 });
    const maps = group(this.views.length > 1 ? "maps several" : "maps", ...this.views.map((view) => view.element));
    const side = element("aside", { className: "side" }, this.legend, this.card, this.selection.element);
    this.root.append(tools, group("body", maps, side));
    this.root.addEventListener("keydown", (event) => {
      if (event.defaultPrevented || event.target.matches("input, select")) return; // such as Escape on a map
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const tool = Object.keys(TOOLS).find((name) => TOOLS[name][1] === event.key);
      if (tool) this.setTool(tool);
      else if (event.key === "Escape") this.letGo();
    });
    this.setTool("move");
  }

  each(change) { this.views.forEach(change); }

  setTool(tool) {
    this.tool = tool;
    for (const made of this.toolButtons) made.setAttribute("aria-pressed", String(made.dataset.tool === tool));
    for (const { stage } of this.views) stage.dataset.tool = tool;
  }

  setColors(name) {
    this.colors = this.schemes.find((scheme) => scheme.name === name);
    this.update();
  }

  /** Take the colors of the paper from the style of the page. */
  setScheme() {
    const isDark = darkScheme.matches && !this.isPrinted, style = getComputedStyle(this.root);
    const read = (name) => style.getPropertyValue(name).trim();
    const paper = this.isPrinted ? "#ffffff" : read("--paper");
    this.paper = rgb(paper.length === 4 ? `#${[...paper.slice(1)].map((digit) => digit + digit).join("")}` : paper);
    this.ink = this.isPrinted ? "#000" : read("--ink");
    [this.muted, this.focus] = [read("--muted"), read("--focus")];
    this.isDark = isDark;
    this.update();
  }

  isHidden(item) { return this.schemes.some((scheme) => scheme.hidden?.size && scheme.isHidden(item)); }

  isBright(item) { return !this.selected.size || this.selected.has(item); }

  /** Compute again which points are drawn and how, after a change of colors, hidden classes or selection. */
  update() {
    this.inks = this.colors.inks(this.isDark);
    this.each((view) => view.update());
    drawLegend(this);
    this.showCard();
    this.redraw();
  }

  redraw() {
    this.waiting ||= requestAnimationFrame(() => this.drawNow());
  }

  redrawOver() {
    requestAnimationFrame(() => this.each((view) => view.drawOver()));
  }

  drawNow() {
    this.waiting = 0;
    this.each((view) => view.draw());
    if (!this.isDrawn) performance.mark("explorer drawn");
    this.isDrawn = true;
  }

  onThumbnails() {
    for (const canvas of this.root.querySelectorAll("canvas.thumbnail")) if (!canvas.isDrawn) this.thumbnails.refill(canvas);
    this.redrawOver();
  }

  get current() {
    const shown = this.hovered || this.pinned;
    return shown && { ...shown, item: shown.panel.items[shown.point] };
  }

  neighborsOf(panel, point) {
    return panel.neighbors.subarray(point * panel.neighborCount, (point + 1) * panel.neighborCount);
  }

  hover(target) {
    const isSame = target?.point === this.hovered?.point && target?.panel === this.hovered?.panel;
    this.hovered = target;
    this.showTip();
    if (isSame) return;
    this.showCard();
    this.redrawOver();
  }

  /** Keep a point, or none for -1, in the card. */
  pick(view, point) {
    this.pinned = point < 0 ? null : { panel: view.panel, view, point };
    this.hovered = null;
    this.showTip();
    this.showCard();
    this.redraw();
  }

  /** Keep the point of an item, and bring it into view. */
  pickItem(item) {
    const has = (view) => view.panel.pointOf[item] >= 0;
    const view = this.current && has(this.current.view) ? this.current.view : this.views.find(has);
    this.each((each) => { if (has(each)) each.reveal(each.panel.pointOf[item]); });
    const isInCard = this.card.contains(document.activeElement);
    this.pick(view, view.panel.pointOf[item]);
    if (isInCard) this.card.focus(); // its buttons are new ones
  }

  letGo() {
    if (this.pinned) this.pick(this.pinned.view, -1);
    else this.select([], "replace");
  }

  select(items, how) {
    const before = how === "replace" ? [] : [...this.selected];
    this.selected = new Set(how === "remove" ? before : [...before, ...items]);
    if (how === "remove") items.forEach((item) => this.selected.delete(item));
    this.selection.show([...this.selected].sort((one, other) => one - other));
    this.update();
  }

  search(words) {
    const plain = (text) => text.normalize("NFC").toLowerCase();
    const wanted = plain(words), { names } = this.data, found = [];
    for (let item = 0; wanted && item < names.length && found.length < MOST_FOUND; item++) {
      if (plain(names[item]).includes(wanted) && !this.isHidden(item)) found.push(item);
    }
    this.select(found, "replace");
    if (wanted && !found.length) this.selection.count.textContent = "No name that is shown contains this.";
  }

  /** Return what is known of a point, as pairs of texts. */
  facts({ panel, point }) {
    const item = panel.items[point];
    const groups = this.data.groupings.map(({ name, names, of }) => [name, names[of[item]] ?? "unknown"]);
    return [...groups, ...panel.measures.map(({ name, values }) => [name, formatted(values[point])])];
  }

  showTip() {
    const { hovered } = this;
    this.each(({ tip, panel }) => { tip.hidden = panel !== hovered?.panel; });
    if (!hovered) return;
    const { view, place } = hovered, { tip } = view, item = hovered.panel.items[hovered.point];
    if (tip.point !== hovered.point) {
      tip.point = hovered.point;
      const facts = this.facts(hovered).map(([name, value]) => element("span", { textContent: `${name} ${value}` }));
      tip.replaceChildren(...this.canvas(item, TIP),
        element("span", { className: "text" }, element("b", { textContent: this.data.spelledNames[item] }), ...facts));
    }
    const [x, y] = place, { offsetWidth: width, offsetHeight: height } = tip;
    const left = x + 16 + width > view.width ? x - 16 - width : x + 16;
    const top = y + 16 + height > view.height ? y - 16 - height : y + 16;
    tip.style.transform = `translate(${Math.max(2, left)}px, ${Math.max(2, top)}px)`;
  }

  canvas(item, longest) {
    if (!this.thumbnails || this.thumbnails.of[item] === NO_IMAGE) return [];
    return [this.thumbnails.fill(element("canvas", { className: "thumbnail" }), item, longest)];
  }

  /** Return a button with the thumbnail of an item, or else its name, that picks it. */
  button(item) {
    const name = this.data.spelledNames[item], grouping = this.data.groupings[0];
    const label = grouping ? grouping.names[grouping.of[item]] ?? "unknown" : "";
    const images = this.canvas(item, SMALL);
    const made = element("button", { type: "button", className: "item", title: name, onclick: () => this.pickItem(item) },
      ...images, element("span", { textContent: images.length ? label : name }));
    made.setAttribute("aria-label", label ? `${name}, ${label}` : name);
    return made;
  }

  showCard() {
    const shown = this.current;
    if (!shown) {
      this.card.replaceChildren(...HINTS.map((textContent) => element("p", { className: "hint", textContent })));
      return;
    }
    const { panel, point, item } = shown;
    const facts = this.facts(shown).flatMap(([name, value]) => [element("dt", { textContent: name }),
      element("dd", { textContent: value })]);
    const neighbors = [...this.neighborsOf(panel, point)].map((neighbor) => this.button(panel.items[neighbor]));
    const where = this.views.length > 1 ? ` in ${panel.title}` : "";
    this.card.replaceChildren(
      element("div", { className: "shown" }, ...this.canvas(item, LARGE), element("div", {},
        element("h2", { textContent: this.data.spelledNames[item] }), element("dl", { className: "facts" }, ...facts))),
      element("h3", { textContent: `Nearest codes${where}` }), element("div", { className: "gallery" }, ...neighbors));
  }

  /** For programs: the place of a point of a panel in the window, in pixels. */
  position(panel, point) {
    const view = this.views[panel], box = view.canvas.getBoundingClientRect(), [x, y] = view.toScreen(point);
    return [x + box.left, y + box.top];
  }
}

for (const root of document.querySelectorAll("section.explorer")) root.explorer = new Explorer(root);
