// Reads seeds, a line each; runs the benchmark and answers with processor seconds and active
// consumer-periods: node webassembly.mjs WASM PROGRAM CELLS(json) PERIODS
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { loadMachine } from "../../cpp/wasm/machine.mjs";

const bytes = (path) => new Uint8Array(readFileSync(path)).buffer;
const [wasm, programPath, cellsPath, periods] = process.argv.slice(2);
const program = (await loadMachine(bytes(wasm))).program(new Uint32Array(bytes(programPath)));
const cells = JSON.parse(readFileSync(cellsPath, "utf8")).map((cell) => ({
  ...cell,
  inputs: Float32Array.from(cell.inputs),
}));

for await (const seed of createInterface({ input: process.stdin })) {
  const begin = process.cpuUsage();
  const ledger = program.run({ cells, periods: Number(periods), seed: BigInt(seed) });
  const { user, system } = process.cpuUsage(begin);
  let lived = 0n;
  for (let i = 0; i < ledger.length; i += program.width) lived += ledger[i];
  process.stdout.write(`${(user + system) / 1e6} ${lived}\n`);
}
