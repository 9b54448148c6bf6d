// Points as pixels: a mark is a small mask of coverage, and all marks are blended into one array of pixels. This is
// fast without a graphics processor, and needs no WebGL.

const PHASES = 4; // positions of a mark within a pixel, in each direction
const SAMPLES = 4; // for the coverage of a pixel, in each direction
const REACH_OF_MARKS = 1.15; // largest distance from the middle of a mark, divided by its radius
const MARKS = [
  (x, y) => x * x + y * y <= 1,
  (x, y) => y >= -0.95 && y <= 0.75 && Math.abs(x) <= (y + 0.95) * 0.62,
  (x, y) => Math.abs(x) <= 0.82 && Math.abs(y) <= 0.82,
  (x, y) => Math.abs(x) + Math.abs(y) <= 1.15,
  (x, y) => Math.min(Math.abs(x), Math.abs(y)) <= 0.34 && Math.max(Math.abs(x), Math.abs(y)) <= 1.05,
  (x, y) => Math.abs(Math.abs(x) - Math.abs(y)) <= 0.45 && Math.abs(x) + Math.abs(y) <= 1.7,
  (x, y) => y <= 0.95 && y >= -0.75 && Math.abs(x) <= (0.95 - y) * 0.62,
];

const FULL = 256; // coverage of a pixel inside of a mark

/** Return the masks of a mark of this radius in pixels: coverage in 0..FULL for each position within a pixel, and the
 * first and the last pixel of each row that is covered. */
function masksOf(mark, radius) {
  const half = Math.ceil(radius * REACH_OF_MARKS + 1), side = 2 * half + 1, masks = [];
  for (let phase = 0; phase < PHASES * PHASES; phase++) {
    const shiftX = (phase % PHASES) / PHASES, shiftY = Math.floor(phase / PHASES) / PHASES;
    const mask = new Uint16Array(side * side);
    for (let pixel = 0; pixel < mask.length; pixel++) {
      let covered = 0;
      for (let sample = 0; sample < SAMPLES * SAMPLES; sample++) {
        const x = (pixel % side) - half + (sample % SAMPLES + 0.5) / SAMPLES - 0.5 - shiftX;
        const y = Math.floor(pixel / side) - half + (Math.floor(sample / SAMPLES) + 0.5) / SAMPLES - 0.5 - shiftY;
        covered += MARKS[mark](x / radius, y / radius);
      }
      mask[pixel] = Math.round((FULL * covered) / SAMPLES ** 2);
    }
    const rows = Array.from({ length: side }, (_, row) => mask.subarray(row * side, (row + 1) * side));
    const starts = Int16Array.from(rows, (row) => row.findIndex((coverage) => coverage > 0));
    const ends = Int16Array.from(rows, (row) => row.findLastIndex((coverage) => coverage > 0));
    masks.push({ mask, starts, ends });
  }
  return { half, side, masks };
}

/** Return a color as the bytes of an opaque pixel. */
function wordOf([red, green, blue]) {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** Pixels with a margin around them, so that a mark at the edge needs no case of its own. */
class Raster {
  constructor() {
    this.cache = new Map();
    this.width = this.height = 0;
  }

  resize(width, height) {
    if (width === this.width && height === this.height) return;
    Object.assign(this, { width, height, margin: 0 });
  }

  masks(mark, radius) {
    const key = `${mark} ${radius}`;
    if (!this.cache.has(key)) {
      if (this.cache.size > 200) this.cache.clear();
      this.cache.set(key, masksOf(mark, radius));
    }
    return this.cache.get(key);
  }

  start(paper, radius) {
    const margin = Math.ceil(radius * REACH_OF_MARKS) + 3;
    if (margin !== this.margin) {
      this.margin = margin;
      this.stride = this.width + 2 * margin;
      this.image = new ImageData(this.stride, this.height + 2 * margin);
      this.words = new Uint32Array(this.image.data.buffer);
    }
    this.words.fill(wordOf(paper));
  }

  /** Blend a mark of an ink, of this opacity in 0..1, at (x, y) in pixels; return whether it is inside. */
  blend(x, y, { masks: { half, side, masks }, color, word }, opacity) {
    if (!(x >= 0 && y >= 0 && x < this.width && y < this.height)) return false;
    const { stride, margin, words } = this, { data } = this.image;
    const left = Math.floor(x), top = Math.floor(y);
    const { mask, starts, ends } = masks[Math.floor((y - top) * PHASES) * PHASES + Math.floor((x - left) * PHASES)];
    const full = opacity === 1 ? FULL : FULL + 1, strength = opacity / FULL;
    const first = (top + margin - half) * stride + left + margin - half;
    for (let row = 0; row < side; row++) {
      if (starts[row] < 0) continue;
      const place = first + row * stride, pixel = row * side;
      for (let column = starts[row]; column <= ends[row]; column++) {
        const coverage = mask[pixel + column];
        if (coverage >= full) {
          words[place + column] = word;
          continue;
        }
        const part = coverage * strength, byte = 4 * (place + column);
        for (let channel = 0; channel < 3; channel++) {
          data[byte + channel] += (color[channel] - data[byte + channel]) * part;
        }
      }
    }
    return true;
  }

  show(context) {
    context.putImageData(this.image, -this.margin, -this.margin);
  }
}
