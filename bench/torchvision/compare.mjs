// Compares ONNX Runtime with what `Coppice.Bench onnx-outputs FILES` wrote down for the same files.
//
//     node bench/torchvision/compare.mjs FILES        (after npm install --ignore-scripts onnxruntime-node somewhere above)
import { createRequire } from "node:module";
import { existsSync, readFileSync } from "node:fs";

const { InferenceSession, Tensor } = createRequire(process.cwd() + "/")("onnxruntime-node");
const size = dims => dims.reduce((product, dim) => product * dim, 1);

let worst = 0;
for (const path of process.argv.slice(2)) {
  const session = await InferenceSession.create(path);
  const feeds = {};
  for (const { name, shape } of session.inputMetadata) {
    const dims = shape.map(dim => (typeof dim === "number" && dim > 0 ? dim : 1));
    feeds[name] = new Tensor("float32", Float32Array.from({ length: size(dims) }, (_, i) => Math.sin(i)), dims);
  }
  const results = await session.run(feeds);
  for (const [number, name] of session.outputNames.entries()) {
    const file = path.replace(/\.onnx$/, `.${number}.f32`);
    if (!existsSync(file)) continue;
    const bytes = readFileSync(file);
    const ours = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    const theirs = results[name].data;
    let [difference, scale] = [ours.length === theirs.length ? 0 : Infinity, 1e-6];
    for (let i = 0; i < Math.min(ours.length, theirs.length); i++) {
      difference = Math.max(difference, Math.abs(ours[i] - theirs[i]));
      scale = Math.max(scale, Math.abs(theirs[i]));
    }
    worst = Math.max(worst, difference / scale);
    console.log(`${path} ${name} [${results[name].dims}]: ${(difference / scale).toExponential(1)}`);
  }
}
process.exitCode = worst <= 1e-4 ? 0 : 1;
