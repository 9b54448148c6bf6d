// The names of classes on the map, each at a point in the middle of its class, so that names do not cover each other.

const MOST_NAMES = 30, NAME_LENGTH = 18, NAME_ZOOM = 3; // farther in, the legend is enough

function drawGroupNames(context, view) {
  const { names } = view.explorer.colors.grouping;
  if (names.length > MOST_NAMES || view.zoom > NAME_ZOOM || view.explorer.selected.size) return;
  view.anchors ||= anchorsOf(view, names);
  context.font = `600 13px ${getComputedStyle(view.stage).fontFamily}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  const boxes = [];
  for (const { name, point } of view.anchors) {
    const [x, y] = view.toScreen(point), text = name.length > NAME_LENGTH ? `${name.slice(0, NAME_LENGTH - 1)}…` : name;
    const box = { x, y, half: context.measureText(text).width / 2 + 3 };
    const isCovered = boxes.some((other) => Math.abs(other.x - x) < other.half + box.half && Math.abs(other.y - y) < 17);
    if (isCovered) continue;
    boxes.push(box);
    context.globalAlpha = 0.85;
    context.lineWidth = 4;
    context.strokeStyle = css(view.explorer.paper);
    context.strokeText(text, x, y);
    context.globalAlpha = 1;
    context.fillStyle = view.explorer.ink;
    context.fillText(text, x, y);
  }
}

/** Return a point in the middle of each class, the one that is nearest to the medians; the largest class first. */
function anchorsOf(view, names) {
  const members = names.map(() => []), { x, y, inkOf } = view;
  for (const point of view.drawn) members[inkOf[point]]?.push(point);
  const median = (values) => values.sort()[values.length >> 1];
  const present = names.map((name, group) => ({ name, points: members[group] })).filter(({ points }) => points.length);
  return present.sort((one, other) => other.points.length - one.points.length).map(({ name, points }) => {
    const middle = [x, y].map((values) => median(Float32Array.from(points, (point) => values[point])));
    const distance = (point) => (x[point] - middle[0]) ** 2 + (y[point] - middle[1]) ** 2;
    return { name, point: points.reduce((best, point) => (distance(point) < distance(best) ? point : best)) };
  });
}
