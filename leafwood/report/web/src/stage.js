// What is drawn: points into a texture, and the texture onto the canvas with eye-dome lighting. Drawn when asked to.
import {
  BufferAttribute,
  BufferGeometry,
  Color,
  ColorManagement,
  DepthTexture,
  Mesh,
  PerspectiveCamera,
  Points,
  Scene,
  Sphere,
  Vector3,
  WebGLRenderer,
  WebGLRenderTarget,
} from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";
import { paletteTexture, pointMaterial, screenMaterial } from "./material.js";

ColorManagement.enabled = false; // colours are shown as they are given

const MANY = 200_000; // points; up to here every frame shows all of them
const SLOW = 60; // ms from one frame to the next
const RELIEF = 25; // of the radius of the cloud is a step that shades fully
const FINEST = 150; // of the distance to the eye, where that is more
const ROOM = 1.25; // of the height of the cloud, for the legend above and the scale bar below it
const REST = 180; // ms without movement after which all points are drawn again

export class Stage {
  constructor(canvas, header, cloud) {
    this.canvas = canvas;
    this.header = header;
    this.cloud = cloud;
    this.renderer = new WebGLRenderer({ canvas, antialias: false, powerPreference: "high-performance" });
    this.renderer.autoClear = true;
    this.camera = new PerspectiveCamera(45, 1, 0.1, 1000);
    this.camera.up.set(0, 0, 1);
    this.#build();
    this.orbit = new OrbitControls(this.camera, canvas);
    this.orbit.enableDamping = false;
    this.orbit.addEventListener("change", () => this.#moved());
    this.orbit.minDistance = header.frame.radius / 200;
    this.orbit.maxDistance = header.frame.radius * 12;
    this.lighting = true;
    this.listeners = [];
    this.waiting = true; // nothing is drawn before `open`
    this.resize();
    this.look("side");
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
  }

  #build() {
    const { header, cloud } = this;
    const shape = new BufferGeometry();
    shape.setAttribute("position", new BufferAttribute(cloud.position, 3));
    shape.setAttribute("kind", new BufferAttribute(cloud.columns.kind, 1));
    shape.setAttribute("level", new BufferAttribute(cloud.columns.level, 1));
    shape.boundingSphere = new Sphere(new Vector3(), 1e9);
    this.attributes = {};
    for (const name of header.columns) this.attributes[name] = new BufferAttribute(cloud.columns[name], 1);
    this.material = pointMaterial(header.cell);
    this.material.uniforms.metre.value = header.spacing;
    this.points = new Points(shape, this.material);
    this.points.frustumCulled = false;
    this.scene = new Scene().add(this.points);
    this.target = new WebGLRenderTarget(1, 1, { depthTexture: new DepthTexture(1, 1) });
    this.screen = screenMaterial(this.target);
    const triangle = new BufferGeometry();
    const corners = new Float32Array([-1, -1, 0, 3, -1, 0, -1, 3, 0]);
    triangle.setAttribute("position", new BufferAttribute(corners, 3));
    const sheet = new Mesh(triangle, this.screen);
    sheet.frustumCulled = false;
    this.overlay = new Scene().add(sheet);
  }

  resize() {
    const box = this.canvas.parentElement.getBoundingClientRect();
    const width = Math.max(1, Math.round(box.width));
    const height = Math.max(1, Math.round(box.height));
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    this.renderer.setPixelRatio(ratio);
    this.renderer.setSize(width, height, false);
    this.target.setSize(Math.round(width * ratio), Math.round(height * ratio));
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.screen.uniforms.step.value.set((1.4 * ratio) / this.target.width, (1.4 * ratio) / this.target.height);
    this.draw();
  }

  // The whole cloud from the side (or a corner, or above), as near as the box around it fits.
  look(from) {
    const { centre, half } = this.header.frame;
    const direction = { side: [0.12, -1, 0.15], corner: [-0.75, -0.75, 0.42], top: [0, -0.001, 1] }[from];
    const forth = new Vector3(...direction).normalize();
    const right = new Vector3(0, 0, 1).cross(forth).normalize();
    const up = forth.clone().cross(right);
    const tall = Math.tan((this.camera.fov * Math.PI) / 360);
    const wide = tall * this.camera.aspect;
    let distance = 0;
    for (let corner = 0; corner < 8; corner++) {
      const at = new Vector3(...half.map((edge, axis) => (corner & (1 << axis) ? edge : -edge)));
      const beside = Math.max(1.08 * Math.abs(at.dot(right)) / wide, ROOM * Math.abs(at.dot(up)) / tall);
      distance = Math.max(distance, at.dot(forth) + beside);
    }
    this.orbit.target.set(...centre);
    this.camera.position.copy(this.orbit.target).addScaledVector(forth, distance);
    this.orbit.update();
    this.draw();
  }

  // Turn by so many radians about the vertical axis and towards it, and come nearer by a factor.
  turn(around, upwards, nearer) {
    const away = this.camera.position.clone().sub(this.orbit.target);
    const length = away.length() * nearer;
    const polar = Math.min(Math.max(Math.acos(away.z / away.length()) + upwards, 0.001), Math.PI - 0.001);
    const azimuth = Math.atan2(away.y, away.x) + around;
    away.set(Math.sin(polar) * Math.cos(azimuth), Math.sin(polar) * Math.sin(azimuth), Math.cos(polar));
    this.camera.position.copy(this.orbit.target).addScaledVector(away, length);
    this.orbit.update();
    this.draw();
  }

  colourBy(mode) {
    this.points.geometry.setAttribute("value", this.attributes[mode.column]);
    const uniforms = this.material.uniforms;
    if (uniforms.palette.value) uniforms.palette.value.dispose();
    uniforms.palette.value = paletteTexture(mode.palette);
    this.draw();
  }

  set(name, value) {
    const uniform = this.material.uniforms[name];
    if (uniform.value && uniform.value.set) uniform.value.set(...value);
    else uniform.value = value;
    this.draw();
  }

  background(colour) {
    const { r, g, b } = new Color(colour);
    this.screen.uniforms.background.value.set(r, g, b);
    this.draw();
  }

  #moved() {
    const now = performance.now();
    if (this.last && now - this.last < 1000) this.pace = 0.7 * (this.pace || 0) + 0.3 * (now - this.last);
    this.last = now;
    const few = this.pace > SLOW && this.header.shown > MANY;
    clearTimeout(this.rest);
    if (few) this.rest = setTimeout(() => { this.pace = 0; this.draw(); }, REST);
    this.draw(few ? 0.25 : 1);
  }

  draw(share = 1) {
    this.share = share;
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.paint(); });
  }

  // The first picture is of few points where there are many, so that it is soon there without a graphics card, too; all
  // of them follow. `drawn` and `complete` are called when either is on the canvas.
  open(drawn, complete) {
    requestAnimationFrame(() => {
      const many = this.header.shown > MANY;
      this.share = many ? 0.25 : 1;
      this.paint();
      this.finish();
      drawn();
      setTimeout(() => {
        this.waiting = false;
        this.share = 1;
        if (many) this.paint();
        this.finish();
        complete();
      });
    });
  }

  // Points are stored so that the first quarter of them is an even sample of all.
  paint() {
    if (!this.points.geometry.getAttribute("value")) return;
    const { camera, renderer, header } = this;
    const distance = camera.position.distanceTo(this.orbit.target);
    camera.near = Math.max(distance - 2.5 * header.frame.reach, distance / 100);
    camera.far = distance + 2.5 * header.frame.reach;
    camera.updateProjectionMatrix();
    const half = Math.tan((camera.fov * Math.PI) / 360);
    this.material.uniforms.pixel.value = this.target.height / (2 * half);
    this.points.geometry.setDrawRange(0, Math.ceil(header.shown * this.share));
    renderer.setRenderTarget(this.target);
    renderer.setClearColor(0x000000, 0);
    renderer.render(this.scene, camera);
    this.screen.uniforms.range.value.set(camera.near, camera.far);
    this.screen.uniforms.strength.value = this.lighting ? 1 : 0;
    this.screen.uniforms.frame.value.set(distance - header.frame.radius, distance + header.frame.radius);
    this.screen.uniforms.relief.value = Math.max(header.frame.radius / RELIEF, distance / FINEST);
    renderer.setRenderTarget(null);
    renderer.render(this.overlay, camera);
    const pixels = this.canvas.clientHeight / (2 * half * distance);
    for (const listener of this.listeners) listener(pixels);
  }

  // Returns when everything that was asked for is on the canvas: a pixel is not read before.
  finish() {
    const gl = this.renderer.getContext();
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  }

  // Number of the shown point nearest to a place on the canvas (pixels), or -1 where there is none.
  pick(x, y) {
    const { header, cloud, material } = this;
    const { show, heights, slab, reach } = material.uniforms;
    const view = this.camera.projectionMatrix.clone().multiply(this.camera.matrixWorldInverse).elements;
    const [sx, sy, sz] = header.cell;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const { kind, level } = cloud.columns;
    let best = -1;
    let least = Infinity;
    for (let i = 0; i < header.shown; i++) {
      if (!show.value[kind[i]] || level[i] < heights.value.x || level[i] > heights.value.y) continue;
      const px = cloud.position[3 * i] * sx;
      const py = cloud.position[3 * i + 1] * sy;
      const pz = cloud.position[3 * i + 2] * sz;
      if (Math.abs(slab.value.x * px + slab.value.y * py - slab.value.z) > reach.value) continue;
      const w = view[3] * px + view[7] * py + view[11] * pz + view[15];
      if (w <= 0) continue;
      const dx = (0.5 + (0.5 * (view[0] * px + view[4] * py + view[8] * pz + view[12])) / w) * width - x;
      const dy = (0.5 - (0.5 * (view[1] * px + view[5] * py + view[9] * pz + view[13])) / w) * height - y;
      const off = dx * dx + dy * dy;
      if (off < 64 && w + off < least) {
        least = w + off;
        best = i;
      }
    }
    return best;
  }
}
