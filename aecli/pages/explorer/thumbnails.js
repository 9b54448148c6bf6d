// Thumbnails from the sheets, which are decoded when one of their thumbnails is first shown.

class Thumbnails {
  constructor(sprites, onReady) {
    Object.assign(this, sprites, { of: unpack(sprites.of), images: new Map(), onReady });
  }

  /** Return where the thumbnail of an item is, once its sheet is decoded; null before, or if there is none. */
  find(item) {
    const index = this.of[item];
    if (index === NO_IMAGE) return null;
    const sheet = Math.floor(index / this.perSheet), place = index % this.perSheet;
    if (!this.images.has(sheet)) this.load(sheet);
    const image = this.images.get(sheet);
    if (!image.isReady) return null;
    return { image, x: (place % this.across) * this.width, y: Math.floor(place / this.across) * this.height };
  }

  load(sheet) {
    const image = new Image();
    this.images.set(sheet, image);
    image.src = this.sheets[sheet];
    image.decode().then(() => {
      image.isReady = true;
      this.onReady();
    }, () => {});
  }

  /** Return (width, height) of thumbnails whose longer side has this many pixels. */
  size(longest) {
    const factor = longest / Math.max(this.width, this.height);
    return [this.width * factor, this.height * factor];
  }

  draw(context, item, x, y, longest) {
    const found = this.find(item), [width, height] = this.size(longest);
    if (!found) return false;
    context.imageSmoothingEnabled = longest < 1.5 * Math.max(this.width, this.height);
    context.drawImage(found.image, found.x, found.y, this.width, this.height, x, y, width, height);
    return true;
  }

  /** Fill a canvas of the page with the thumbnail of an item, now or when its sheet is decoded. */
  fill(canvas, item, longest) {
    const ratio = Math.min(2, window.devicePixelRatio || 1), [width, height] = this.size(longest);
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    canvas.item = item;
    this.refill(canvas);
    return canvas;
  }

  refill(canvas) {
    const context = canvas.getContext("2d");
    canvas.isDrawn = this.draw(context, canvas.item, 0, 0, Math.max(canvas.width, canvas.height));
  }
}

/** Choose points whose thumbnails, `width` by `height`, do not overlap: earlier ones in `order` first. */
function withoutOverlap(order, x, y, isShown, width, height) {
  const cells = new Map(), chosen = [];
  const key = (column, row) => column * 65536 + row;
  for (const point of order) {
    if (!isShown(point)) continue;
    const column = Math.floor(x[point] / width) + 32768, row = Math.floor(y[point] / height) + 32768;
    let isFree = true;
    for (let near = 0; near < 9 && isFree; near++) {
      const other = cells.get(key(column + (near % 3) - 1, row + Math.floor(near / 3) - 1));
      isFree = other === undefined || Math.abs(x[other] - x[point]) >= width || Math.abs(y[other] - y[point]) >= height;
    }
    if (!isFree) continue;
    cells.set(key(column, row), point);
    chosen.push(point);
  }
  return chosen;
}
