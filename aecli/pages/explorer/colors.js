// Colors of classes and of numbers, on light and on dark paper.

const LIGHT = { // as in the plots: Tol's "muted" scheme and an orange
  classes: ["#332288", "#DDCC77", "#117733", "#CC6677", "#88CCEE", "#882255", "#44AA99", "#999933", "#AA4499", "#E66100"],
  unknown: "#9A9A9A",
};
const DARK = { // the same hues, lighter
  classes: ["#8E82F5", "#DDCC77", "#3DB868", "#F0899A", "#88CCEE", "#E0559A", "#55CDB9", "#B9B94A", "#DC8AD2", "#FF8B3D"],
  unknown: "#7A7A7A",
};
const SHADES = 64;
const VIRIDIS = ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"];
const TAIL = 0.005; // part of the numbers at each end that has the color of the end

const darkScheme = window.matchMedia("(prefers-color-scheme: dark)");

function rgb(hex) {
  return [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
}

function css([red, green, blue]) {
  return `rgb(${red} ${green} ${blue})`;
}

/** Return the color of a part of 0..1: the highest numbers are those that stand out from the paper. */
function shade(part, isDark) {
  const place = (isDark ? 0.12 + 0.88 * part : 0.95 * (1 - part)) * (VIRIDIS.length - 1);
  const low = Math.min(Math.floor(place), VIRIDIS.length - 2), rest = place - low;
  const [start, end] = [rgb(VIRIDIS[low]), rgb(VIRIDIS[low + 1])];
  return start.map((value, channel) => Math.round(value + rest * (end[channel] - value)));
}

/** Colors by a property: `inks` are the colors and marks, `inkOf(panel)` is the index of that of each point. */
class GroupColors {
  constructor(grouping) {
    Object.assign(this, { name: grouping.name, grouping, hidden: new Set() });
    this.counts = new Map();
    for (const group of grouping.of) this.counts.set(group, (this.counts.get(group) || 0) + 1);
  }

  inks(isDark) {
    const scheme = isDark ? DARK : LIGHT, count = scheme.classes.length;
    const inks = this.grouping.names.map((_, group) => (
      { color: rgb(scheme.classes[group % count]), mark: Math.floor(group / count) % MARKS.length }));
    return [...inks, { color: rgb(scheme.unknown), mark: 0 }];
  }

  inkOf(panel) {
    const { names, of } = this.grouping;
    return Uint16Array.from(panel.items, (item) => Math.min(of[item], names.length));
  }

  isHidden(item) {
    return this.hidden.has(this.grouping.of[item]);
  }
}

class MeasureColors {
  constructor(name, panels) {
    this.name = name;
    this.ranges = new Map(panels.map((panel) => [panel, MeasureColors.range(MeasureColors.values(panel, name))]));
  }

  static values(panel, name) {
    return panel.measures.find((measure) => measure.name === name)?.values;
  }

  static range(values) {
    const known = Float32Array.from(values || []).filter(Number.isFinite).sort();
    if (!known.length) return [0, 1];
    const at = (part) => known[Math.round(part * (known.length - 1))];
    return at(TAIL) < at(1 - TAIL) ? [at(TAIL), at(1 - TAIL)] : [known[0], known[known.length - 1]];
  }

  inks(isDark) {
    const inks = Array.from({ length: SHADES }, (_, index) => ({ color: shade(index / (SHADES - 1), isDark), mark: 0 }));
    return [...inks, { color: rgb((isDark ? DARK : LIGHT).unknown), mark: 0 }];
  }

  inkOf(panel) {
    const values = MeasureColors.values(panel, this.name), [low, high] = this.ranges.get(panel);
    if (!values) return new Uint16Array(panel.count).fill(SHADES);
    return Uint16Array.from(values, (value) => {
      if (!Number.isFinite(value)) return SHADES;
      const part = high > low ? (value - low) / (high - low) : 0;
      return Math.round(Math.min(Math.max(part, 0), 1) * (SHADES - 1));
    });
  }
}

class PlainColors {
  constructor() { this.name = "none"; }

  inks(isDark) { return [{ color: rgb((isDark ? DARK : LIGHT).classes[4]), mark: 0 }]; }

  inkOf(panel) { return new Uint16Array(panel.count); }
}
