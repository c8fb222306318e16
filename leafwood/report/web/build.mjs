// Builds the two scripts that the reports carry, and copies the licence of the library in them.
import { copyFile, mkdir } from "node:fs/promises";
import { build } from "esbuild";

const out = "../static";
await mkdir(out, { recursive: true });
await build({
  entryPoints: { viewer: "src/viewer.js", survey: "src/survey.js" },
  outdir: out,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "ascii",
  legalComments: "inline",
  logLevel: "info",
});
await copyFile("node_modules/three/LICENSE", `${out}/THREE-LICENSE.txt`);
