// The legend: classes to show and to hide, or the scale of the numbers.

function drawLegend(explorer) {
  const { colors, legend, inks } = explorer, place = legend.querySelector(".chips")?.scrollTop ?? 0;
  if (colors instanceof GroupColors) legend.replaceChildren(...groupLegend(explorer, colors, inks));
  else if (colors instanceof MeasureColors) legend.replaceChildren(...measureLegend(explorer, colors, inks));
  else legend.replaceChildren();
  const chips = legend.querySelector(".chips");
  if (chips && legend.dataset.scheme === colors.name) chips.scrollTop = place; // the same chip stays under the pointer
  legend.dataset.scheme = colors.name;
}

function groupLegend(explorer, colors, inks) {
  const { grouping, hidden, counts } = colors;
  const present = [...grouping.names.keys(), ...(counts.has(UNKNOWN) ? [UNKNOWN] : [])];
  const change = (groups) => {
    colors.hidden = new Set(groups);
    const focused = document.activeElement?.dataset?.group;
    explorer.update();
    explorer.legend.querySelector(`[data-group="${focused}"]`)?.focus({ preventScroll: true });
  };
  const toggled = (group) => present.filter((each) => hidden.has(each) !== (each === group));
  const only = (group) => present.filter((each) => each !== group);
  const chips = present.map((group) => {
    const name = grouping.names[group] ?? "unknown", count = (counts.get(group) || 0).toLocaleString("en");
    const chip = element("button", {
      type: "button", className: "chip", title: `${name}: click hides or shows it, a double click shows it alone`,
      onclick: () => change(toggled(group)), ondblclick: () => change(only(group)),
    }, markCanvas(inks[Math.min(group, inks.length - 1)]), element("span", { className: "name", textContent: name }),
    element("span", { className: "number", textContent: count }));
    chip.dataset.group = group;
    chip.setAttribute("aria-pressed", String(!hidden.has(group)));
    return chip;
  });
  const all = (textContent, groups) => {
    const made = element("button", { type: "button", textContent, onclick: () => change(groups) });
    made.dataset.group = textContent; // which keeps the focus
    return made;
  };
  return [
    element("div", { className: "head" }, element("h2", { textContent: titled(colors.name) }),
      all("Show all", []), all("Hide all", present)),
    element("div", { className: "chips" }, ...chips),
  ];
}

function markCanvas({ color, mark }) {
  const canvas = element("canvas", { className: "mark", width: 28, height: 28 }), context = canvas.getContext("2d");
  const image = context.createImageData(28, 28), radius = 10;
  for (let pixel = 0; pixel < 28 * 28; pixel++) {
    const covered = MARKS[mark](((pixel % 28) - 13.5) / radius, (Math.floor(pixel / 28) - 13.5) / radius);
    image.data.set([...color, covered ? 255 : 0], 4 * pixel);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

function measureLegend(explorer, colors, inks) {
  const scales = explorer.views.filter(({ panel }) => MeasureColors.values(panel, colors.name)).map(({ panel }) => {
    const [low, high] = colors.ranges.get(panel);
    const bar = element("canvas", { className: "scale", width: SHADES, height: 1 }), context = bar.getContext("2d");
    inks.slice(0, SHADES).forEach(({ color }, index) => {
      context.fillStyle = css(color);
      context.fillRect(index, 0, 1, 1);
    });
    const title = explorer.views.length > 1 ? [element("p", { className: "hint", textContent: panel.title })] : [];
    return element("div", {}, ...title, bar, element("p", { className: "ends" },
      element("span", { textContent: formatted(low) }), element("span", { textContent: formatted(high) })));
  });
  return [element("div", { className: "head" }, element("h2", { textContent: titled(colors.name) })), ...scales];
}

function titled(name) {
  return name[0].toUpperCase() + name.slice(1);
}
