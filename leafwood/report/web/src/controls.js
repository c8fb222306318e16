// Everything beside the canvas: what the points are coloured by, which of them are shown, and from where.
import { element } from "./dom.js";

const METRES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];
const round = (value) => value.toLocaleString("en", { maximumFractionDigits: 1 });

export class Controls {
  constructor(stage, header) {
    this.stage = stage;
    this.header = header;
    this.show = [1, 1, 1, 1];
    this.legend = element("div", { class: "legend", "aria-live": "polite" });
    this.bar = element("div", { class: "scale", "aria-hidden": "true" });
    this.picked = element("div", { class: "picked", role: "status", hidden: true });
    this.panel = element("div", { class: "controls" }, this.#colours(), this.#kinds(), this.#views(), this.#more());
    stage.listeners.push((pixels) => this.#scale(pixels));
    this.#choose(header.modes[0].id);
    this.#keys();
    this.#picking();
  }

  #colours() {
    const choose = (event) => this.#choose(event.target.value);
    const options = this.header.modes.map((mode) => element("option", { value: mode.id }, mode.name));
    this.select = element("select", { name: "colour", change: choose }, ...options);
    return element("label", { class: "field" }, "Colour by ", this.select);
  }

  #choose(id) {
    const mode = this.header.modes.find((one) => one.id === id);
    this.select.value = id;
    this.stage.colourBy(mode);
    const key = mode.categories
      ? mode.categories.map((one) =>
          element("span", { class: "key" }, element("i", { ".style": `background:${one.colour}` }), one.name),
        )
      : [this.#ramp(mode)];
    this.legend.replaceChildren(...key);
  }

  #ramp(mode) {
    const stops = [0, 32, 64, 96, 128, 160, 192, 224, 255].map((i) => `#${mode.palette.substr(6 * i, 6)}`);
    const strip = element("i", { class: "ramp", ".style": `background:linear-gradient(90deg,${stops.join(",")})` });
    return element("span", { class: "key" }, `${mode.low} `, strip, ` ${mode.high}`);
  }

  #kinds() {
    this.kindBoxes = {};
    const boxes = this.header.kinds.map(({ code, name }) => {
      const change = (event) => {
        this.show[code] = event.target.checked ? 1 : 0;
        this.stage.set("show", [...this.show]);
      };
      const box = element("input", { type: "checkbox", name: `kind-${code}`, checked: true, change });
      this.kindBoxes[code] = box;
      return element("label", {}, box, ` ${name}`);
    });
    return element("fieldset", { class: "field" }, element("legend", {}, "Show"), ...boxes);
  }

  #views() {
    const names = { side: "Side", corner: "Corner", top: "Top" };
    const buttons = Object.entries(names).map(([from, name]) =>
      element("button", { type: "button", name: `view-${from}`, click: () => this.stage.look(from) }, name),
    );
    return element("fieldset", { class: "field" }, element("legend", {}, "Look from"), ...buttons);
  }

  #more() {
    const { frame, level } = this.header;
    const [low, high] = [this.#range("lowest", level.low, level.high, level.low), this.#range("highest", level.low, level.high, level.high)];
    const heights = () => {
      const byte = (value) => (255 * (value - level.low)) / Math.max(level.high - level.low, 1e-9);
      this.stage.set("heights", [byte(+low.input.value) - 0.5, byte(+high.input.value) + 0.5]);
    };
    const across = element("select", { name: "section" }, ...["off", "west to east", "south to north"].map((name) => element("option", {}, name)));
    const [x, y] = frame.centre;
    const place = this.#range("place", -frame.radius, frame.radius, 0);
    const thick = this.#range("thickness", 0.5, Math.max(1, frame.radius), 3);
    const section = () => {
      const off = across.value === "off";
      const east = across.value === "west to east";
      this.stage.material.uniforms.reach.value = off ? 1e9 : +thick.input.value / 2;
      this.stage.set("slab", [east ? 0 : 1, east ? 1 : 0, (east ? y : x) + +place.input.value]);
    };
    const size = element("input", { type: "range", name: "size", min: 0.3, max: 4, step: 0.1, value: 1 });
    size.addEventListener("input", () => {
      this.stage.material.uniforms.least.value = 1.5 * +size.value;
      this.stage.set("metre", this.header.spacing * +size.value);
    });
    const light = element("input", { type: "checkbox", name: "lighting", checked: true });
    light.addEventListener("change", () => { this.stage.lighting = light.checked; this.stage.draw(); });
    for (const one of [low, high]) one.input.addEventListener("input", heights);
    for (const one of [across, place.input, thick.input]) one.addEventListener("input", section);
    return element(
      "details",
      { class: "more" },
      element("summary", {}, "Height, section, points"),
      element("div", { class: "grid" }, low.label, high.label, element("label", {}, "Section ", across), place.label, thick.label,
        element("label", {}, "Point size ", size), element("label", {}, light, " Shade edges"),
        element("button", { type: "button", name: "save", click: () => this.#save() }, "Save picture")),
      element("p", { class: "hint" }, "Drag turns, two fingers or the right button move, wheel or pinch zooms. With the " +
        "keyboard: arrows turn, + and − zoom, L and W hide leaf and wood, C changes the colours. A click on a point says what it is."),
    );
  }

  #range(name, min, max, value) {
    const output = element("output", {}, `${round(value)} m`);
    const input = element("input", { type: "range", name, min, max, step: Math.max((max - min) / 255, 0.01), value });
    input.addEventListener("input", () => { output.textContent = `${round(+input.value)} m`; });
    const title = { lowest: "From", highest: "Up to", place: "Place", thickness: "Thickness" }[name];
    return { input, label: element("label", {}, `${title} `, input, output) };
  }

  #scale(pixels) {
    const metres = METRES.findLast((one) => one * pixels <= 160) ?? METRES[0];
    this.bar.style.width = `${metres * pixels}px`;
    this.bar.textContent = `${metres} m`;
  }

  #keys() {
    const { canvas } = this.stage;
    const turns = { ArrowLeft: [0.15, 0, 1], ArrowRight: [-0.15, 0, 1], ArrowUp: [0, -0.1, 1], ArrowDown: [0, 0.1, 1],
      "+": [0, 0, 0.85], "=": [0, 0, 0.85], "-": [0, 0, 1.18] };
    const kinds = { l: 1, w: 2 };
    canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      if (turns[key]) this.stage.turn(...turns[key]);
      else if (kinds[key] && this.kindBoxes[kinds[key]]) this.kindBoxes[kinds[key]].click();
      else if (key === "c") {
        const { modes } = this.header;
        const at = modes.findIndex((mode) => mode.id === this.select.value);
        this.#choose(modes[(at + 1) % modes.length].id);
      } else return;
      event.preventDefault();
    });
  }

  #picking() {
    const { canvas } = this.stage;
    let down = null;
    canvas.addEventListener("pointerdown", (event) => { down = [event.clientX, event.clientY]; });
    canvas.addEventListener("pointerup", (event) => {
      if (!down || Math.hypot(event.clientX - down[0], event.clientY - down[1]) > 4) return;
      const box = canvas.getBoundingClientRect();
      this.#tell(this.stage.pick(event.clientX - box.left, event.clientY - box.top));
    });
  }

  #tell(point) {
    this.picked.hidden = point < 0;
    if (point < 0) return;
    const { header, stage } = this;
    const { position, columns } = stage.cloud;
    const at = [0, 1, 2].map((axis) => {
      const metres = header.corner[axis] + position[3 * point + axis] * header.cell[axis];
      return (header.origin[axis] + metres / header.unit[axis]).toFixed(2);
    });
    const facts = header.modes.map((mode) => {
      const value = columns[mode.column][point];
      if (mode.categories) return `${mode.name}: ${(mode.categories.find((one) => one.code === value) ?? { name: value }).name}`;
      if (value === mode.unknown) return `${mode.name}: unknown`;
      return `${mode.name}: ${(mode.from + (value / 255) * (mode.to - mode.from)).toFixed(mode.digits)}${mode.unit}`;
    });
    this.picked.replaceChildren(...[`x ${at[0]}, y ${at[1]}, z ${at[2]}`, ...facts].map((line) => element("div", {}, line)));
  }

  #save() {
    this.stage.paint();
    this.stage.canvas.toBlob((blob) => {
      const url = URL.createObjectURL(blob);
      element("a", { href: url, download: `${document.title}.png` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 1000);
    });
  }
}
