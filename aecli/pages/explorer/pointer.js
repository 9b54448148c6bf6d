// What mouse, touch and keyboard do on a panel.

const KEYS_HELP = "arrow keys move, + and - zoom, 0 shows all, Enter picks the point in the middle, Escape lets go";
const REACH = { mouse: 14, pen: 16, touch: 26 }; // pixels around a point where it is pointed at
const STILL = 5; // pixels that a click may move
const STEP = 60, ZOOM_STEP = 1.5;

class Gestures {
  constructor(view) {
    Object.assign(this, { view, explorer: view.explorer, pointers: new Map(), travel: 0 });
    const { stage } = view, on = (name, handler, options) => stage.addEventListener(name, handler.bind(this), options);
    on("pointerdown", this.down);
    on("pointermove", this.move);
    on("pointerup", this.up);
    on("pointercancel", this.cancel);
    on("pointerleave", () => { if (!this.pointers.size) this.explorer.hover(null); });
    on("wheel", this.wheel, { passive: false });
    on("dblclick", (event) => view.zoomBy(event.shiftKey ? 0.5 : 2, ...this.at(event)));
    on("keydown", this.key);
    on("blur", () => { view.isKeyed = false; this.explorer.redraw(); });
  }

  at(event) {
    const box = this.view.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  down(event) {
    if (event.button > 0) return;
    const { view } = this, place = this.at(event);
    try { view.stage.setPointerCapture(event.pointerId); } catch { /* the pointer is gone already */ }
    this.pointers.set(event.pointerId, place);
    view.isKeyed = false;
    if (this.pointers.size > 1) {
      view.path = null;
      return;
    }
    Object.assign(this, { start: place, travel: 0, tool: event.shiftKey ? "lasso" : this.explorer.tool });
    if (this.tool !== "move") view.path = [place];
  }

  move(event) {
    const { view, explorer, pointers } = this, place = this.at(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      if (!pointers.size) this.hover(event, place);
      return;
    }
    if (pointers.size > 1) {
      this.pinch(event.pointerId, place);
      return;
    }
    this.travel = Math.max(this.travel, Math.hypot(place[0] - this.start[0], place[1] - this.start[1]));
    pointers.set(event.pointerId, place);
    if (this.travel < STILL) return;
    if (view.path) {
      const [x, y] = this.start;
      const events = event.getCoalescedEvents?.() ?? [], places = events.map((each) => this.at(each));
      view.path = this.tool === "box" ? [this.start, [place[0], y], place, [x, place[1]]]
        : [...view.path, ...(places.length ? places : [place])]; // all places since the last frame
      explorer.redrawOver();
    } else {
      view.stage.classList.add("moving");
      view.move(place[0] - before[0], place[1] - before[1]);
    }
  }

  pinch(id, place) {
    const { view, pointers } = this, before = pointers.get(id);
    const [, other] = [...pointers].find(([otherId]) => otherId !== id);
    const spread = (each) => Math.max(1, Math.hypot(each[0] - other[0], each[1] - other[1]));
    const middle = (each) => [(each[0] + other[0]) / 2, (each[1] + other[1]) / 2];
    const [oldMiddle, newMiddle] = [middle(before), middle(place)];
    pointers.set(id, place);
    this.travel = Infinity;
    view.move(newMiddle[0] - oldMiddle[0], newMiddle[1] - oldMiddle[1]);
    view.zoomBy(spread(place) / spread(before), ...newMiddle);
  }

  up(event) {
    const { view, explorer } = this, { path } = view;
    if (!this.pointers.delete(event.pointerId)) return;
    view.stage.classList.remove("moving");
    view.path = null;
    if (this.travel < STILL) explorer.pick(view, view.nearest(...this.at(event), REACH[event.pointerType] || 14));
    else if (path && this.travel < Infinity) {
      const how = event.ctrlKey || event.metaKey ? "add" : event.altKey ? "remove" : "replace";
      explorer.select(view.inside(path), how);
    }
    explorer.redraw();
  }

  cancel(event) {
    this.pointers.delete(event.pointerId);
    this.view.path = null;
    this.explorer.redraw();
  }

  hover(event, place) {
    if (event.pointerType === "touch") return;
    const point = this.view.nearest(...place, REACH[event.pointerType] || 14);
    this.explorer.hover(point < 0 ? null : { panel: this.view.panel, view: this.view, point, place });
  }

  wheel(event) {
    const { view, explorer } = this;
    const isOurs = !explorer.isEmbedded || event.ctrlKey || document.activeElement === view.stage;
    if (!isOurs) return; // the wheel scrolls a page that has more than the map
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 20 : event.deltaMode === 2 ? 400 : 1;
    const amount = Math.max(-300, Math.min(300, event.deltaY * lines));
    view.zoomBy(2 ** (-amount / (event.ctrlKey ? 60 : 240)), ...this.at(event));
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { view, explorer } = this;
    const moves = { ArrowLeft: [STEP, 0], ArrowRight: [-STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] };
    const zooms = { "+": ZOOM_STEP, "=": ZOOM_STEP, "-": 1 / ZOOM_STEP };
    if (moves[event.key]) view.move(...moves[event.key]);
    else if (zooms[event.key]) view.zoomBy(zooms[event.key]);
    else if (event.key === "0") view.reset();
    else if (event.key === "Enter" || event.key === " ") {
      explorer.pick(view, view.nearest(view.width / 2, view.height / 2, view.width));
    } else if (event.key === "Escape") explorer.letGo();
    else return;
    event.preventDefault();
    view.isKeyed = event.key !== "Escape";
    explorer.redraw();
  }
}
