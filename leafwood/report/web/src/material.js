import { DataTexture, GLSL3, NearestFilter, RawShaderMaterial, Vector2, Vector3 } from "three";

const POINTS_VERTEX = `
precision highp float;
uniform mat4 modelViewMatrix, projectionMatrix;
uniform vec3 cell;
uniform float show[4];
uniform vec2 heights;
uniform vec3 slab;
uniform float reach;
uniform float metre, pixel, least;
uniform sampler2D palette;
in vec3 position;
in float kind, level, value;
out vec3 colour;
void main() {
  vec3 at = position * cell;
  float shown = 0.0;
  for (int i = 0; i < 4; i++) if (int(kind + 0.5) == i) shown = show[i];
  float away = dot(slab.xy, at.xy) - slab.z;
  if (shown < 0.5 || level < heights.x || level > heights.y || abs(away) > reach) {
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
    gl_PointSize = 1.0;
    return;
  }
  colour = texelFetch(palette, ivec2(int(value + 0.5), 0), 0).rgb;
  gl_Position = projectionMatrix * modelViewMatrix * vec4(at, 1.0);
  gl_PointSize = clamp(metre * pixel / gl_Position.w, least, 24.0);
}`;

const POINTS_FRAGMENT = `
precision highp float;
in vec3 colour;
out vec4 pixelColour;
void main() {
  vec2 off = gl_PointCoord - 0.5;
  if (dot(off, off) > 0.3) discard;
  pixelColour = vec4(colour, 1.0);
}`;

const SCREEN_VERTEX = `
precision highp float;
in vec3 position;
out vec2 place;
void main() {
  place = 0.5 * position.xy + 0.5;
  gl_Position = vec4(position.xy, 0.0, 1.0);
}`;

// Eye-dome lighting (Boucheny 2009): a pixel is darker the more its surroundings lie in front of it, by `relief` metres at
// most, and a little darker at the back of the cloud.
const SCREEN_FRAGMENT = `
precision highp float;
uniform sampler2D colours, depths;
uniform vec2 step, range, frame;
uniform vec3 background;
uniform float strength, relief;
in vec2 place;
out vec4 pixelColour;
float metres(float depth) {
  return range.x * range.y / (range.y - depth * (range.y - range.x));
}
void main() {
  float depth = texture(depths, place).r;
  if (depth >= 1.0) {
    pixelColour = vec4(background, 1.0);
    return;
  }
  float here = metres(depth);
  float shade = 0.0;
  for (int i = 0; i < 8; i++) {
    float turn = 0.7853981634 * float(i);
    float beside = metres(texture(depths, place + step * vec2(cos(turn), sin(turn))).r);
    shade += clamp((here - beside) / relief, 0.0, 1.0);
  }
  float haze = clamp((here - frame.x) / (frame.y - frame.x), 0.0, 1.0);
  float light = (0.4 + 0.6 * exp(-0.2 * strength * shade)) * (1.0 - 0.3 * strength * haze);
  pixelColour = vec4(texture(colours, place).rgb * light, 1.0);
}`;

export function pointMaterial(cell) {
  return new RawShaderMaterial({
    glslVersion: GLSL3,
    vertexShader: POINTS_VERTEX,
    fragmentShader: POINTS_FRAGMENT,
    uniforms: {
      cell: { value: new Vector3(...cell) },
      show: { value: [1, 1, 1, 1] },
      heights: { value: new Vector2(0, 255) },
      slab: { value: new Vector3(0, 1, 0) },
      reach: { value: 1e9 },
      metre: { value: 0.05 },
      pixel: { value: 1 },
      least: { value: 1.5 },
      palette: { value: null },
    },
  });
}

export function screenMaterial(target) {
  return new RawShaderMaterial({
    glslVersion: GLSL3,
    vertexShader: SCREEN_VERTEX,
    fragmentShader: SCREEN_FRAGMENT,
    depthTest: false,
    depthWrite: false,
    uniforms: {
      colours: { value: target.texture },
      depths: { value: target.depthTexture },
      step: { value: new Vector2() },
      range: { value: new Vector2() },
      frame: { value: new Vector2() },
      relief: { value: 1 },
      background: { value: new Vector3() },
      strength: { value: 1 },
    },
  });
}

// `colours` are 256 colours as one string of hexadecimal digits, six a colour.
export function paletteTexture(colours) {
  const data = new Uint8Array(4 * 256);
  for (let i = 0; i < 256; i++) {
    for (let j = 0; j < 3; j++) data[4 * i + j] = parseInt(colours.substr(6 * i + 2 * j, 2), 16);
    data[4 * i + 3] = 255;
  }
  const texture = new DataTexture(data, 256, 1);
  texture.minFilter = texture.magFilter = NearestFilter;
  texture.needsUpdate = true;
  return texture;
}
