// The data of an explorer, from the JSON that the page holds.

const UNKNOWN = 0xffff, NO_IMAGE = 0xffffffff;
const ARRAYS = { u2: Uint16Array, u4: Uint32Array, f4: Float32Array };

function unpack({ type, bytes }) {
  const binary = atob(bytes), buffer = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) buffer[index] = binary.charCodeAt(index);
  return new ARRAYS[type](buffer.buffer);
}

/** Return a name in printable characters: control characters and those that change the direction are spelled out. */
function spelled(text) {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`;
  });
}

function readData(element) {
  const raw = JSON.parse(element.textContent);
  element.remove();
  const groupings = raw.groupings.map(({ name, names, of }) => (
    { name, rawNames: names, names: names.map(spelled), of: unpack(of) }));
  const panels = raw.panels.map((panel) => {
    const items = unpack(panel.items), pointOf = new Int32Array(raw.names.length).fill(-1);
    items.forEach((item, point) => { pointOf[item] = point; });
    const neighbors = unpack(panel.neighbors), coordinates = unpack(panel.coordinates);
    return {
      title: spelled(panel.title), note: panel.note, count: items.length, items, pointOf, coordinates, neighbors,
      onto: panel.onto ? unpack(panel.onto) : new Float32Array(),
      neighborCount: neighbors.length / items.length,
      measures: Object.entries(panel.measures).map(([name, values]) => ({ name, values: unpack(values) })),
    };
  });
  const { files } = raw;
  const fileOf = (item) => (typeof files === "string" ? files + raw.names[item] : files && files[item]);
  return { names: raw.names, spelledNames: raw.names.map(spelled), fileOf, groupings, panels, sprites: raw.sprites };
}

/** Return a permutation of 0..count-1 that is the same each time: no class covers all others. */
function shuffled(count) {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  let state = 12345;
  for (let index = count - 1; index > 0; index--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const other = Math.floor((state / 2 ** 32) * (index + 1));
    [order[index], order[other]] = [order[other], order[index]];
  }
  return order;
}

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function formatted(number) {
  return Number.isFinite(number) ? String(Number(number.toPrecision(4))) : "unknown";
}
