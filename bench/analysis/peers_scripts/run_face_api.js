// One side of bench/analysis/peers.py: face-api's tiny detector and expression network, wasm. Prints JSON: photo -> [ms, faces].
// node run_face_api.js NODE_MODULES FOLDER REPEATS
const fs = require("fs");
const path = require("path");
const [modules, folder, repeats] = process.argv.slice(2);
const load = (name) => require(path.join(modules, name));

async function main() {
  const tf = load("@tensorflow/tfjs");
  const wasm = load("@tensorflow/tfjs-backend-wasm");
  wasm.setThreadsCount(1);
  wasm.setWasmPaths(path.join(modules, "@tensorflow/tfjs-backend-wasm/dist/"));
  const faceapi = load("@vladmandic/face-api/dist/face-api.node-wasm.js");
  await faceapi.tf.setBackend("wasm");
  await faceapi.tf.ready();
  const models = path.join(modules, "@vladmandic/face-api/model");
  await faceapi.nets.tinyFaceDetector.loadFromDisk(models);
  await faceapi.nets.faceExpressionNet.loadFromDisk(models);
  const options = new faceapi.TinyFaceDetectorOptions();
  const answers = {};
  for (const file of fs.readdirSync(folder).filter((name) => name.endsWith(".rgb")).sort()) {
    const [width, height] = file.match(/(\d+)x(\d+)/).slice(1).map(Number);
    const pixels = fs.readFileSync(path.join(folder, file));
    const times = [];
    let faces = 0;
    for (let turn = 0; turn <= Number(repeats); turn += 1) {
      const began = process.cpuUsage();
      const tensor = faceapi.tf.tensor3d(pixels, [height, width, 3], "int32");
      faces = (await faceapi.detectAllFaces(tensor, options).withFaceExpressions()).length;
      tensor.dispose();
      const used = process.cpuUsage(began);
      times.push((used.user + used.system) / 1000);
    }
    answers[path.basename(file, ".rgb")] = [Math.min(...times.slice(1)), faces];
  }
  console.log(JSON.stringify(answers));
}

main();
