// One panel: the points of one code file on a canvas, and on them what changes while one points and selects.

const MOST_ZOOM = 400, FILL = 0.9; // FILL: part of the panel that the points take at first
const DIM = 0.13, PALE = 0.2; // opacity of points that are not selected, and of those of a map
const THUMBNAIL = [30, 44]; // pixels of the longer side of a thumbnail on the map
const ROOM = 1.6; // thumbnails are drawn when those of all points in view would cover the panel up to so many times

class PanelView {
  constructor(explorer, panel) {
    Object.assign(this, { explorer, panel, raster: new Raster(), width: 0, height: 0, zoom: 1, thumbnails: null });
    this.stage = element("div", { className: "stage", tabIndex: 0, role: "application" });
    this.stage.setAttribute("aria-label", `Map of ${panel.title}: ${KEYS_HELP}`);
    this.canvas = this.stage.appendChild(element("canvas"));
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.tip = this.stage.appendChild(element("div", { className: "tip", hidden: true }));
    this.element = element("figure", { className: "panel" },
      element("figcaption", {}, element("strong", { textContent: panel.title }), ` ${panel.note}`), this.stage);
    this.order = shuffled(panel.count);
    this.place();
    new ResizeObserver(() => this.resize()).observe(this.stage);
  }

  /** Compute coordinates whose larger extent is 1, around 0, with y downward as on screen. */
  place() {
    const { coordinates, onto } = this.panel, low = [Infinity, Infinity], high = [-Infinity, -Infinity];
    for (const values of [coordinates, onto]) {
      values.forEach((value, index) => {
        low[index % 2] = Math.min(low[index % 2], value);
        high[index % 2] = Math.max(high[index % 2], value);
      });
    }
    const extent = Math.max(high[0] - low[0], high[1] - low[1]) || 1, middle = [0, 1].map((axis) => (low[axis] + high[axis]) / 2);
    const placed = (values, axis, sign) => Float32Array.from(
      { length: values.length / 2 }, (_, point) => (sign * (values[2 * point + axis] - middle[axis])) / extent);
    [this.x, this.y] = [placed(coordinates, 0, 1), placed(coordinates, 1, -1)];
    [this.ontoX, this.ontoY] = [placed(onto, 0, 1), placed(onto, 1, -1)];
    this.extents = [(high[0] - low[0]) / extent, (high[1] - low[1]) / extent];
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    if (!width || !height || (width === this.width && height === this.height)) return;
    const center = this.width ? this.toWorld(this.width / 2, this.height / 2) : [0, 0];
    Object.assign(this, { width, height, ratio: Math.min(2, window.devicePixelRatio || 1) });
    this.canvas.width = Math.round(width * this.ratio);
    this.canvas.height = Math.round(height * this.ratio);
    this.raster.resize(this.canvas.width, this.canvas.height);
    this.fit = FILL * Math.min(width / Math.max(this.extents[0], 0.05), height / Math.max(this.extents[1], 0.05));
    this.center(center);
    this.draw();
  }

  get scale() { return this.fit * this.zoom; }

  toScreen(point) { return [this.x[point] * this.scale + this.left, this.y[point] * this.scale + this.top]; }

  toWorld(x, y) { return [(x - this.left) / this.scale, (y - this.top) / this.scale]; }

  center([x, y]) {
    this.left = this.width / 2 - x * this.scale;
    this.top = this.height / 2 - y * this.scale;
    this.explorer.redraw();
  }

  /** Zoom by a factor around a place on the screen. */
  zoomBy(factor, x = this.width / 2, y = this.height / 2) {
    const world = this.toWorld(x, y);
    this.zoom = Math.min(MOST_ZOOM, Math.max(0.5, this.zoom * factor));
    this.left = x - world[0] * this.scale;
    this.top = y - world[1] * this.scale;
    this.explorer.redraw();
  }

  move(x, y) {
    this.left += x;
    this.top += y;
    this.explorer.redraw();
  }

  reset() {
    this.zoom = 1;
    this.center([0, 0]);
  }

  /** Move the map so that a point is in view. */
  reveal(point) {
    const [x, y] = this.toScreen(point), margin = 30;
    if (x < margin || y < margin || x > this.width - margin || y > this.height - margin) {
      this.center([this.x[point], this.y[point]]);
    }
  }

  /** Take over colors, hidden classes and selection: which points are drawn, in which order. */
  update() {
    const { explorer, panel } = this;
    this.inkOf = explorer.colors.inkOf(panel);
    const { items } = panel, last = explorer.inks.length - 1, dimmed = [], unknown = [], others = [];
    for (const point of this.order) {
      const item = items[point];
      if (explorer.isHidden(item)) continue;
      if (!explorer.isBright(item)) dimmed.push(point);
      else if (this.inkOf[point] === last && last > 0) unknown.push(point);
      else others.push(point);
    }
    this.drawn = Uint32Array.from([...dimmed, ...unknown, ...others]);
    this.dimmed = dimmed.length;
    this.thumbnails = this.anchors = null;
  }

  radius() {
    const base = Math.min(5, Math.max(1.1, 0.29 * Math.sqrt((this.width * this.height) / this.panel.count)));
    return Math.round(4 * Math.min(9, base * Math.max(1, this.zoom) ** 0.35) * this.ratio) / 4;
  }

  draw() {
    if (!this.width || !this.drawn) return;
    const { explorer, raster, ratio, x, y, inkOf, drawn } = this, radius = this.radius();
    const scale = this.scale * ratio, left = this.left * ratio, top = this.top * ratio;
    const inks = explorer.inks.map(({ color, mark }) => (
      { color, word: wordOf(color), masks: raster.masks(mark, radius) }));
    raster.start(explorer.paper, radius);
    const pale = { ...inks[inks.length - 1], masks: raster.masks(0, radius) }, { ontoX, ontoY } = this;
    for (let index = 0; index < ontoX.length; index++) {
      raster.blend(ontoX[index] * scale + left, ontoY[index] * scale + top, pale, PALE);
    }
    let inView = 0;
    for (let index = 0; index < drawn.length; index++) {
      const point = drawn[index], opacity = index < this.dimmed ? DIM : 1;
      inView += raster.blend(x[point] * scale + left, y[point] * scale + top, inks[inkOf[point]], opacity);
    }
    this.inView = inView;
    this.drawOver();
  }

  /** Show the points as they were drawn last, and draw names, images and marks over them. */
  drawOver() {
    const { explorer, ratio, panel, context } = this;
    if (!this.raster.image) return;
    this.raster.show(context);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.drawThumbnails(context);
    if (explorer.colors instanceof GroupColors && !this.hasThumbnails) drawGroupNames(context, this);
    const { current } = explorer;
    if (current && panel.pointOf[current.item] >= 0) this.drawCurrent(context, current);
    if (this.path) this.drawPath(context);
    if (this.isKeyed) this.drawCross(context);
  }

  /** Mark the point that is pointed at, here or in another panel; here also lines to the points of the nearest codes. */
  drawCurrent(context, { item, panel: source }) {
    const { explorer, panel } = this, point = panel.pointOf[item], [x, y] = this.toScreen(point);
    context.lineWidth = 1.5;
    context.strokeStyle = explorer.muted;
    for (const neighbor of source === panel ? explorer.neighborsOf(panel, point) : []) {
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(...this.toScreen(neighbor));
      context.stroke();
    }
    const longest = this.hasThumbnails ? this.thumbnailSide() : 0;
    const isDrawn = longest && this.drawThumbnail(context, point, longest);
    const [width, height] = isDrawn ? explorer.thumbnails.size(longest + 5) : [];
    for (const [color, line] of [[css(explorer.paper), 5], [explorer.ink, 2.5]]) {
      context.beginPath();
      if (isDrawn) context.rect(x - width / 2, y - height / 2, width, height);
      else context.arc(x, y, this.radius() / this.ratio + 5, 0, 2 * Math.PI);
      context.strokeStyle = color;
      context.lineWidth = line;
      context.stroke();
    }
  }

  drawPath(context) {
    context.beginPath();
    for (const [x, y] of this.path) context.lineTo(x, y);
    context.closePath();
    context.fillStyle = context.strokeStyle = this.explorer.focus;
    context.globalAlpha = 0.15;
    context.fill();
    context.globalAlpha = 1;
    context.lineWidth = 1.5;
    context.stroke();
  }

  drawCross(context) {
    const x = this.width / 2, y = this.height / 2;
    context.beginPath();
    for (const [dx, dy] of [[9, 0], [0, 9]]) {
      context.moveTo(x - dx, y - dy);
      context.lineTo(x + dx, y + dy);
    }
    context.strokeStyle = this.explorer.focus;
    context.lineWidth = 2;
    context.stroke();
  }

  thumbnailSide() {
    const { thumbnails } = this.explorer;
    return Math.min(THUMBNAIL[1], Math.max(THUMBNAIL[0], thumbnails.width, thumbnails.height));
  }

  /** Draw the images of as many points as have room, if the images are shown at this zoom. */
  drawThumbnails(context) {
    const { explorer, panel } = this, { thumbnails } = explorer;
    this.hasThumbnails = false;
    if (!thumbnails || explorer.images === "never") return;
    const longest = this.thumbnailSide(), [width, height] = thumbnails.size(longest);
    const isFull = this.inView * width * height > ROOM * this.width * this.height;
    if (explorer.images === "near" && isFull) return;
    this.hasThumbnails = true;
    for (const point of this.chosen(width + 3, height + 3)) {
      const [x, y] = this.toScreen(point);
      if (Math.abs(2 * x - this.width) > this.width + width || Math.abs(2 * y - this.height) > this.height + height) continue;
      context.globalAlpha = explorer.isBright(panel.items[point]) ? 1 : 0.3;
      this.drawThumbnail(context, point, longest);
    }
    context.globalAlpha = 1;
  }

  /** Draw the image of a point in a frame of its color; return whether it is decoded. */
  drawThumbnail(context, point, longest) {
    const { thumbnails, inks } = this.explorer, [width, height] = thumbnails.size(longest), [x, y] = this.toScreen(point);
    if (!thumbnails.draw(context, this.panel.items[point], x - width / 2, y - height / 2, longest)) return false;
    context.strokeStyle = css(inks[this.inkOf[point]].color);
    context.lineWidth = 2;
    context.strokeRect(x - width / 2, y - height / 2, width, height);
    return true;
  }

  /** Return the points whose thumbnails are drawn: the same ones while the map moves or zooms a little. */
  chosen(width, height) {
    const step = 2 ** (Math.floor(3 * Math.log2(this.scale)) / 3);
    const low = this.toWorld(0, 0), high = this.toWorld(this.width, this.height);
    const kept = this.thumbnails;
    const isIn = (box) => box[0] <= low[0] && box[1] <= low[1] && box[2] >= high[0] && box[3] >= high[1];
    if (kept && kept.step === step && isIn(kept.box)) return kept.points;
    const [reachX, reachY] = [high[0] - low[0], high[1] - low[1]];
    const box = [low[0] - reachX, low[1] - reachY, high[0] + reachX, high[1] + reachY];
    const bright = this.drawn.subarray(this.dimmed), { x, y } = this;
    const isShown = (point) => x[point] >= box[0] && x[point] <= box[2] && y[point] >= box[1] && y[point] <= box[3];
    this.thumbnails = { step, box, points: withoutOverlap(bright, x, y, isShown, width / step, height / step) };
    return this.thumbnails.points;
  }

  /** Return the nearest point that is shown within a distance of a place on the screen; -1 if there is none. */
  nearest(x, y, within) {
    const [worldX, worldY] = this.toWorld(x, y);
    let best = -1, least = (within / this.scale) ** 2;
    for (const point of this.drawn) {
      const distance = (this.x[point] - worldX) ** 2 + (this.y[point] - worldY) ** 2;
      if (distance <= least) [best, least] = [point, distance];
    }
    return best;
  }

  /** Return the items inside of a path on the screen, and not of hidden classes. */
  inside(path) {
    const corners = path.map(([x, y]) => this.toWorld(x, y));
    return [...this.drawn].filter((point) => isInside(corners, this.x[point], this.y[point]))
      .map((point) => this.panel.items[point]);
  }
}

function isInside(corners, x, y) {
  let inside = false;
  for (let index = 0, last = corners.length - 1; index < corners.length; last = index++) {
    const [x1, y1] = corners[index], [x2, y2] = corners[last];
    if ((y1 > y) !== (y2 > y) && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside;
  }
  return inside;
}
