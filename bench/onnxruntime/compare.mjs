// Runs ONNX files in ONNX Runtime on the inputs beside them and compares with the outputs beside them. No part of the product:
//   npm install --ignore-scripts --prefix /tmp/ort onnxruntime-node
//   dotnet run -c Release --project bench/Coppice.Bench -- onnx-runtime-cases /tmp/cases samples/models/gpt2-student ...
//   node bench/onnxruntime/compare.mjs /tmp/ort /tmp/cases
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const tolerance = 1e-4;
const [installed, folder] = process.argv.slice(2);
const ort = createRequire(join(resolve(installed), 'package.json'))('onnxruntime-node');
const types = {
  F32: ['float32', Float32Array], I64: ['int64', BigInt64Array], I32: ['int32', Int32Array],
  BOOL: ['bool', Uint8Array], U8: ['uint8', Uint8Array],
};

// Tensors of a safetensors file by name.
function read(path) {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length));
  return Object.entries(header).filter(([name]) => name !== '__metadata__').map(([name, { dtype, shape, data_offsets: [start, end] }]) => {
    const [type, numbers] = types[dtype];
    const data = bytes.buffer.slice(bytes.byteOffset + 8 + length + start, bytes.byteOffset + 8 + length + end);
    return [name, new ort.Tensor(type, new numbers(data), shape)];
  });
}

// Largest absolute difference, relative to the largest expected value.
function difference(expected, actual) {
  if (expected.dims.join() !== actual.dims.join() || expected.type !== actual.type)
    throw new Error(`${actual.type} [${actual.dims}] instead of ${expected.type} [${expected.dims}]`);
  let [largest, scale] = [0, 1e-6];
  for (let i = 0; i < expected.data.length; i++) {
    largest = Math.max(largest, Math.abs(Number(expected.data[i]) - Number(actual.data[i])));
    scale = Math.max(scale, Math.abs(Number(expected.data[i])));
  }
  return largest / scale;
}

async function compare(name, cases) {
  if (cases.length === 0)
    throw new Error('there is no run beside it');
  const session = await ort.InferenceSession.create(join(folder, `${name}.onnx`), { intraOpNumThreads: 1, logSeverityLevel: 3 });
  let largest = 0;
  for (const path of cases) {
    const tensors = read(join(folder, path));
    const of = kind => Object.fromEntries(
      tensors.filter(([key]) => key.startsWith(kind)).map(([key, tensor]) => [key.slice(kind.length), tensor]));
    const actual = await session.run(of('in.'));
    for (const [output, expected] of Object.entries(of('out.')))
      largest = Math.max(largest, difference(expected, actual[output])); // NaN if any is
  }
  return largest;
}

let failed = 0;
console.log('| file | runs | largest difference, of the largest value |\n|---|---|---|');
const files = readdirSync(folder).sort();
for (const file of files.filter(file => file.endsWith('.onnx'))) {
  const name = file.slice(0, -'.onnx'.length);
  const cases = files.filter(other => other.startsWith(`${name}.`) && /^\d+\.safetensors$/.test(other.slice(name.length + 1)));
  let result;
  try {
    const largest = await compare(name, cases);
    result = largest.toExponential(1);
    failed += largest <= tolerance ? 0 : 1;
  } catch (error) {
    result = `failed: ${error.message.split('\n')[0]}`;
    failed++;
  }
  console.log(`| ${name} | ${cases.length} | ${result} |`);
}
process.exitCode = failed > 0 ? 1 : 0;
