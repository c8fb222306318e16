// Finds the packed clouds of the page and puts each on a canvas that can be turned.
import { Controls } from "./controls.js";
import { unpack } from "./cloud.js";
import { Stage } from "./stage.js";

async function open(figure) {
  const header = JSON.parse(figure.querySelector("script.header").textContent);
  const packed = figure.querySelector("script.points");
  const cloud = await unpack(header, packed.textContent);
  packed.remove();
  const canvas = figure.querySelector("canvas");
  const stage = new Stage(canvas, header, cloud);
  const controls = new Controls(stage, header);
  const sky = matchMedia("(prefers-color-scheme: dark)");
  const paintSky = () => stage.background(getComputedStyle(figure).getPropertyValue("--sky").trim());
  sky.addEventListener("change", paintSky);
  paintSky();
  figure.querySelector(".stage").append(controls.legend, controls.bar, controls.picked);
  figure.querySelector(".stage").after(controls.panel);
  stage.resize();
  const now = () => Math.round(performance.now());
  const drawn = () => { figure.dataset.drawn = now(); figure.classList.add("ready"); };
  stage.open(drawn, () => { figure.dataset.complete = now(); });
}

for (const figure of document.querySelectorAll("figure.viewer")) {
  open(figure).catch((error) => {
    const said = figure.querySelector(".failed");
    said.hidden = false;
    said.querySelector("span").textContent = error.message;
    figure.classList.add("broken");
  });
}
