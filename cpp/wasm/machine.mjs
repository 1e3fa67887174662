// The machine in a browser or in Node: the same sources, the same bits as the Python extension.
//
//     const machine = await loadMachine(await fetch("machine.wasm"));
//     const ledger = machine.program(words).run({ cells, batches: 1, periods: 52, seed: 1n });
//
// `words` is what Program.to_words() wrote in Python, as a Uint32Array. A ledger is a BigInt64Array
// [cell][batch][period][width], as pycore._core.run gives it. What is wrong becomes an Error that
// says what was received and what is allowed.

/**
 * Compile the module once; every program then gets an instance of its own.
 * @param {Response|ArrayBuffer|Uint8Array} source - the bytes of machine.wasm
 */
export async function loadMachine(source) {
  const bytes = typeof source.arrayBuffer === "function" ? await source.arrayBuffer() : source;
  const module = await WebAssembly.compile(bytes);
  return { program: (words) => new Program(module, words) };
}

class Program {
  #module;
  #words;
  #exports = null;

  constructor(module, words) {
    if (!(words instanceof Uint32Array)) {
      throw new TypeError("words: allowed is a Uint32Array, as Program.to_words() writes it");
    }
    this.#module = module;
    this.#words = words.slice();
    this.#ready();
  }

  /** Ledger cells of one batch and period. */
  get width() {
    return this.#ready().width();
  }

  /** Number of scalar inputs that a row of a cell's table holds. */
  get inputs() {
    return this.#ready().inputs();
  }

  /**
   * Aggregate populations.
   * @param {object} settings
   * @param {{inputs: Float32Array, segment: number, count: number|bigint}[]} settings.cells -
   *     tables of one row or of one row per period
   * @param {number} settings.batches
   * @param {number} settings.periods
   * @param {number|bigint} settings.seed - 64 bits
   * @returns {BigInt64Array}
   */
  run({ cells, batches = 1, periods, seed }) {
    const size = whole("periods", periods, 1, 2 ** 28) * this.width;
    const places = whole("batches", batches, 1, 65536) * cells.length;
    if (places * size * 8 > 2 ** 31) {
      throw new RangeError(`ledger: ${places * size * 8} bytes, allowed are at most 2^31`);
    }
    const key = BigInt.asUintN(64, big("seed", seed, 2n ** 64n - 1n));
    const ledger = new BigInt64Array(places * size);
    try {
      cells.forEach((cell, index) => {
        if (!(cell.inputs instanceof Float32Array)) {
          throw new TypeError(`cell ${index}: inputs: allowed is a Float32Array`);
        }
        const segment = whole(`cell ${index}: segment`, cell.segment, 0, 2 ** 24 - 1);
        const count = big(`cell ${index}: count`, cell.count, 2n ** 40n);
        for (let batch = 0; batch < batches; ++batch) {
          const low = (count * BigInt(batch)) / BigInt(batches);
          const high = (count * BigInt(batch + 1)) / BigInt(batches);
          const range = { index, inputs: cell.inputs, segment, count, low, high, periods, key };
          ledger.set(this.#range(range, size), (index * batches + batch) * size);
        }
      });
    } catch (error) {
      this.#exports = null; // left in the middle; the next call begins with a new instance
      throw error;
    }
    return ledger;
  }

  #range({ index, inputs, segment, count, low, high, periods, key }, size) {
    const machine = this.#ready();
    machine.rewind();
    const table = machine.allocate(inputs.byteLength);
    new Float32Array(machine.memory.buffer, table, inputs.length).set(inputs);
    const sums = machine.allocate(size * 8);
    const rows = this.inputs === 0 ? 1 : inputs.length / this.inputs;
    if (!Number.isInteger(rows)) {
      throw new RangeError(
        `cell ${index}: received ${inputs.length} inputs, allowed are rows of ${this.inputs}`,
      );
    }
    machine.run(
      index, table, BigInt(inputs.length), BigInt(rows), segment, count, low, high,
      BigInt(periods), key, sums,
    );
    // Memory may have grown, and an older view of it be empty.
    return new BigInt64Array(machine.memory.buffer, sums, size);
  }

  #ready() {
    if (this.#exports === null) {
      const { exports } = new WebAssembly.Instance(this.#module, {
        host: {
          refuse: (text, bytes) => {
            throw new Error(read(exports, text, bytes));
          },
          out_of_range: (name, bytes, period, value) => {
            const record = read(exports, name, bytes);
            const shown = Number(value.toPrecision(9));
            throw new Error(`record '${record}' out of range in period ${period}: value ${shown}`);
          },
        },
      });
      const words = exports.allocate(this.#words.byteLength);
      new Uint32Array(exports.memory.buffer, words, this.#words.length).set(this.#words);
      exports.load(words, this.#words.length);
      this.#exports = exports;
    }
    return this.#exports;
  }
}

function read({ memory }, text, bytes) {
  return new TextDecoder().decode(new Uint8Array(memory.buffer, text, bytes));
}

function whole(name, value, low, high) {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new RangeError(`${name}: received ${value}, allowed is an integer from ${low} to ${high}`);
  }
  return value;
}

function big(name, value, high) {
  if (typeof value !== "bigint" && !Number.isSafeInteger(value)) {
    throw new RangeError(`${name}: received ${value}, allowed is an integer from 0 to ${high}`);
  }
  const number = BigInt(value);
  if (number < 0n || number > high) {
    throw new RangeError(`${name}: received ${value}, allowed is an integer from 0 to ${high}`);
  }
  return number;
}
