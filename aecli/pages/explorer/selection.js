// The list of selected images, to copy or to save, as `aecli` reads it.

const GALLERY = 60; // thumbnails of the selection that are shown
const BREAK = /[\r\n]/;
const BYTES = /[\udc80-\udcff]/u; // of a name that is not UTF-8

/** Return a text as UTF-8; a byte of a file name that is not UTF-8, a lone surrogate, is that byte again. */
function encoded(text) {
  const encoder = new TextEncoder(), parts = [];
  for (const part of text.split(/([\udc80-\udcff])/u)) {
    const code = part.length === 1 ? part.charCodeAt(0) : 0;
    parts.push(code >= 0xdc80 && code <= 0xdcff ? Uint8Array.of(code - 0xdc00) : encoder.encode(part));
  }
  return parts;
}

class Selection {
  constructor(explorer) {
    this.explorer = explorer;
    this.items = [];
    this.count = element("p", { className: "count" });
    this.count.setAttribute("role", "status");
    this.note = element("p", { className: "note" });
    this.gallery = element("div", { className: "gallery" });
    this.classes = element("p", { className: "by-class" });
    const button = (textContent, action) => element("button", { type: "button", textContent, onclick: action });
    this.buttons = element("div", { className: "buttons", hidden: true },
      button("Copy list", () => this.copy()),
      button("Save list", () => this.save("selected.txt", "text/plain", `${this.lines().join("\n")}\n`)),
      button("Save CSV", () => this.save("selected.csv", "text/csv", this.table())),
      button("Clear", () => explorer.select([], "replace")));
    this.element = element("section", { className: "selection" }, element("h2", { textContent: "Selection" }),
      this.count, this.classes, this.buttons, this.note, this.gallery);
    this.show([]);
  }

  path(item) { return this.explorer.data.fileOf(item) || this.explorer.data.names[item]; }

  /** Return the lines of the list: each path once, although a file may have several pages or tiles. */
  lines() {
    return [...new Set(this.items.map((item) => this.path(item)))].filter((path) => !BREAK.test(path));
  }

  table() {
    const { groupings, fileOf } = this.explorer.data;
    const columns = [["label", "class"], ["split", "split"]].map(([head, name]) => (
      { head, grouping: groupings.find((grouping) => grouping.name === name) })).filter((column) => column.grouping);
    const cell = (text) => (/[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const items = this.items.filter((item) => !BYTES.test(this.path(item)));
    const rows = new Map(items.map((item) => [this.path(item), [this.path(item),
      ...columns.map(({ grouping }) => grouping.rawNames[grouping.of[item]] ?? "")]]));
    const head = [this.items.some((item) => fileOf(item)) ? "path" : "name", ...columns.map((column) => column.head)];
    return [head, ...rows.values()].map((row) => `${row.map(cell).join(",")}\n`).join("");
  }

  async copy() {
    const text = `${this.lines().join("\n")}\n`;
    try {
      await navigator.clipboard.writeText(text);
    } catch { // a browser that gives pages on disk no clipboard
      const field = element("textarea", { value: text });
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
    this.say(`Copied ${this.lines().length} lines.`);
  }

  save(name, type, text) {
    const link = element("a", { download: name, href: URL.createObjectURL(new Blob(encoded(text), { type })) });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    this.say(`Saved ${name}.`);
  }

  say(first) {
    const { fileOf } = this.explorer.data, path = this.items.length ? this.path(this.items[0]) : "";
    const [broken, bytes] = [BREAK, BYTES].map((kind) => this.items.filter((item) => kind.test(this.path(item))).length);
    const parts = [first];
    if (broken) parts.push(`${broken} names with a line break are only in the CSV.`);
    if (bytes) parts.push(`${bytes} names that are not UTF-8 are only in the list.`);
    if (!this.items.length) parts.push();
    else if (!fileOf(this.items[0])) parts.push("These images are not files of a folder: the lists hold their names.");
    else {
      parts.push("For aecli detect --files-from selected.txt, and selected.csv as DATA.");
      if (!path.startsWith("/")) {
        parts.push("The paths start at the folder in which aecli was run: save and use the lists there.");
      }
    }
    this.note.textContent = parts.filter(Boolean).join(" ");
  }

  show(items) {
    const { explorer } = this, { thumbnails, data } = explorer;
    this.items = items;
    this.buttons.hidden = !items.length;
    this.count.textContent = items.length
      ? `${items.length.toLocaleString("en")} of ${data.names.length.toLocaleString("en")} images`
      : "Choose Box or Lasso and draw around points, hold Shift and draw, or find names.";
    const grouping = data.groupings[0], counts = new Map();
    for (const item of grouping ? items : []) {
      const name = grouping.names[grouping.of[item]] ?? "unknown";
      counts.set(name, (counts.get(name) || 0) + 1);
    }
    const most = [...counts].sort((one, other) => other[1] - one[1]).slice(0, 12);
    this.classes.textContent = most.map(([name, count]) => `${name}: ${count.toLocaleString("en")}`).join(", ")
      + (counts.size > most.length ? `, and ${counts.size - most.length} more` : "");
    this.gallery.replaceChildren(...(thumbnails ? items.slice(0, GALLERY) : []).map((item) => explorer.button(item)));
    if (thumbnails && items.length > GALLERY) {
      this.gallery.append(element("span", { textContent: `and ${(items.length - GALLERY).toLocaleString("en")} more` }));
    }
    this.say("");
  }
}
