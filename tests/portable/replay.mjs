// cpp/tests/replay.cpp for the browser's module: node replay.mjs WASM PROGRAM POPULATION > LEDGER
import { readFileSync, writeSync } from "node:fs";
import { loadMachine } from "../../cpp/wasm/machine.mjs";

const bytes = (path) => new Uint8Array(readFileSync(path)).buffer;
const [wasm, programPath, populationPath] = process.argv.slice(2);

try {
  const program = (await loadMachine(bytes(wasm))).program(new Uint32Array(bytes(programPath)));
  const given = new DataView(bytes(populationPath));
  let place = 0;
  const next = () => given.getUint32(4 * place++, true);
  const nextWide = () => BigInt(next()) | (BigInt(next()) << 32n);
  const batches = next();
  const periods = next();
  const seed = nextWide();
  const cells = Array.from({ length: next() }, () => {
    const segment = next();
    const count = nextWide();
    const inputs = Float32Array.from({ length: next() * program.inputs }, () =>
      given.getFloat32(4 * place++, true),
    );
    return { segment, count, inputs };
  });
  const ledger = new Uint8Array(program.run({ cells, batches, periods, seed }).buffer);
  const again = new Uint8Array(program.run({ cells, batches, periods, seed }).buffer);
  if (!ledger.every((byte, i) => byte === again[i])) throw new Error("a second run differs");
  for (let sent = 0; sent < ledger.length; ) sent += writeSync(1, ledger.subarray(sent));
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
