// ONNX Runtime's side of the benchmarks: answers each line of stdin with the seconds of wall clock and of processor time that a run took.
// First line: JSON {"model": path, "batch": n, "threads": n}. Then one line per measurement; "quit" ends.
const ort = require('onnxruntime-node');
const lines = require('readline').createInterface({ input: process.stdin });

let session, feeds;

async function start({ model, batch, threads }) {
  session = await ort.InferenceSession.create(model,
    { intraOpNumThreads: threads, interOpNumThreads: 1, executionMode: 'sequential', graphOptimizationLevel: 'all' });
  const pixels = Float32Array.from({ length: batch * 3 * 224 * 224 }, (_, i) => Math.sin(i));
  feeds = { [session.inputNames[0]]: new ort.Tensor('float32', pixels, [batch, 3, 224, 224]) };
  return 'ready';
}

async function measure() {
  const cpu = process.cpuUsage();
  const begin = process.hrtime.bigint();
  await session.run(feeds);
  const wall = Number(process.hrtime.bigint() - begin) / 1e9;
  const used = process.cpuUsage(cpu);
  return `${wall} ${(used.user + used.system) / 1e6}`;
}

(async () => {
  for await (const line of lines) {
    if (line === 'quit')
      process.exit(0);
    console.log(session ? await measure() : await start(JSON.parse(line)));
  }
})();
