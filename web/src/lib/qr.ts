// SPDX-License-Identifier: Apache-2.0
// A QR code (ISO/IEC 18004) of a short text: octets, error correction M, versions 1 to 10 (up to 213 octets). The key
// of an authenticator is all that it has to carry; nothing that is kept secret is given to a library for it.
const EC_OF_BLOCK = [10, 16, 26, 18, 24, 16, 18, 22, 22, 26]
const BLOCKS = [1, 1, 1, 2, 2, 4, 4, 4, 5, 5]
const CODEWORDS = [26, 44, 70, 100, 134, 172, 196, 242, 292, 346]
const ALIGNMENT = [[], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50]]
const at = (list: readonly number[], i: number) => list[i] ?? 0

/** a · b in GF(256), reduced by x⁸ + x⁴ + x³ + x² + 1. */
export function multiply(a: number, b: number): number {
  let product = 0
  for (let bit = 7; bit >= 0; bit--) {
    product = (product << 1) ^ ((product >> 7) * 0x11d)
    if ((b >> bit) & 1) product ^= a
  }
  return product
}

/** The remainder of `data` by the generator with roots 2⁰ … 2ⁿ⁻¹: the octets that correct errors (Reed-Solomon). */
function correction(data: readonly number[], count: number): number[] {
  const generator = Array.from({ length: count }, (_, i) => Number(i === count - 1))
  let root = 1
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < count; k++) generator[k] = multiply(at(generator, k), root) ^ (k + 1 < count ? at(generator, k + 1) : 0)
    root = multiply(root, 2)
  }
  const rest = new Array<number>(count).fill(0)
  for (const octet of data) {
    const factor = octet ^ (rest.shift() ?? 0)
    rest.push(0)
    for (let k = 0; k < count; k++) rest[k] = at(rest, k) ^ multiply(at(generator, k), factor)
  }
  return rest
}

/** The text as data and correction of its version, blocks taking turns. */
function codewords(octets: Uint8Array, version: number): number[] {
  const of = version - 1
  const total = at(CODEWORDS, of) - at(EC_OF_BLOCK, of) * at(BLOCKS, of)
  const bits: number[] = []
  const put = (value: number, count: number) => {
    for (let bit = count - 1; bit >= 0; bit--) bits.push((value >> bit) & 1)
  }
  put(4, 4) // octets
  put(octets.length, version < 10 ? 8 : 16)
  for (const octet of octets) put(octet, 8)
  put(0, Math.min(4, total * 8 - bits.length))
  put(0, (8 - (bits.length % 8)) % 8)
  const data = Array.from({ length: bits.length / 8 }, (_, i) => bits.slice(i * 8, i * 8 + 8).reduce((octet, bit) => octet * 2 + bit, 0))
  for (let pad = 0xec; data.length < total; pad ^= 0xec ^ 0x11) data.push(pad)

  const blocks: number[][] = []
  const short = Math.floor(total / at(BLOCKS, of))
  const shortOnes = at(BLOCKS, of) - (total % at(BLOCKS, of))
  for (let i = 0, from = 0; i < at(BLOCKS, of); i++) {
    const size = short + (i < shortOnes ? 0 : 1)
    blocks.push(data.slice(from, from + size))
    from += size
  }
  const ends = blocks.map(block => correction(block, at(EC_OF_BLOCK, of)))
  const out: number[] = []
  for (let i = 0; i <= short; i++) for (const block of blocks) if (i < block.length) out.push(at(block, i))
  for (let i = 0; i < at(EC_OF_BLOCK, of); i++) for (const end of ends) out.push(at(end, i))
  return out
}

export const MASKS: readonly ((row: number, column: number) => boolean)[] = [
  (r, c) => (r + c) % 2 === 0, r => r % 2 === 0, (_, c) => c % 3 === 0, (r, c) => (r + c) % 3 === 0,
  (r, c) => (Math.floor(r / 2) + Math.floor(c / 3)) % 2 === 0, (r, c) => ((r * c) % 2) + ((r * c) % 3) === 0,
  (r, c) => (((r * c) % 2) + ((r * c) % 3)) % 2 === 0, (r, c) => (((r + c) % 2) + ((r * c) % 3)) % 2 === 0,
]

/** `value` with its remainder by a generator behind it (BCH). */
function withCheck(value: number, generator: number, count: number): number {
  let rest = value << count
  const top = 31 - Math.clz32(generator)
  for (let bit = 31 - Math.clz32(rest || 1); bit >= top; bit--) if ((rest >> bit) & 1) rest ^= generator << (bit - top)
  return (value << count) | rest
}

class Grid {
  readonly dark: boolean[][]
  readonly fixed: boolean[][]
  constructor(readonly size: number) {
    this.dark = Array.from({ length: size }, () => new Array<boolean>(size).fill(false))
    this.fixed = Array.from({ length: size }, () => new Array<boolean>(size).fill(false))
  }
  set(row: number, column: number, dark: boolean, fixed = true) {
    const line = this.dark[row]
    const held = this.fixed[row]
    if (line === undefined || held === undefined || column < 0 || column >= this.size) return
    line[column] = dark
    if (fixed) held[column] = true
  }
  is = (row: number, column: number) => this.dark[row]?.[column] ?? false
  held = (row: number, column: number) => this.fixed[row]?.[column] ?? true
}

function patterns(grid: Grid, version: number) {
  const { size } = grid
  for (let i = 0; i < size; i++) {
    grid.set(6, i, i % 2 === 0)
    grid.set(i, 6, i % 2 === 0)
  }
  for (const [row, column] of [[3, 3], [3, size - 4], [size - 4, 3]] as const)
    for (let y = -4; y <= 4; y++) for (let x = -4; x <= 4; x++) {
      const ring = Math.max(Math.abs(x), Math.abs(y))
      grid.set(row + y, column + x, ring !== 2 && ring !== 4)
    }
  const centres = ALIGNMENT[version - 1] ?? []
  for (const row of centres) for (const column of centres) {
    if ((row === 6 && column === 6) || (row === 6 && column === size - 7) || (row === size - 7 && column === 6)) continue
    for (let y = -2; y <= 2; y++) for (let x = -2; x <= 2; x++) grid.set(row + y, column + x, Math.max(Math.abs(x), Math.abs(y)) !== 1)
  }
  if (version < 7) return
  const bits = withCheck(version, 0x1f25, 12)
  for (let i = 0; i < 18; i++) {
    grid.set(size - 11 + (i % 3), Math.floor(i / 3), ((bits >> i) & 1) === 1)
    grid.set(Math.floor(i / 3), size - 11 + (i % 3), ((bits >> i) & 1) === 1)
  }
}
function format(grid: Grid, mask: number) {
  const { size } = grid
  const bits = withCheck(mask, 0x537, 10) ^ 0x5412 // level M is 00
  const bit = (i: number) => ((bits >> i) & 1) === 1
  for (let i = 0; i < 15; i++) {
    if (i < 6) grid.set(i, 8, bit(i))
    else if (i < 8) grid.set(i + 1, 8, bit(i))
    else grid.set(8, i === 8 ? 7 : 14 - i, bit(i))
    if (i < 8) grid.set(8, size - 1 - i, bit(i))
    else grid.set(size - 15 + i, 8, bit(i))
  }
  grid.set(size - 8, 8, true)
}

/** The modules that carry data, in their order. */
export function* path(size: number, fixed: (row: number, column: number) => boolean): Generator<readonly [number, number]> {
  for (let right = size - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5
    for (let i = 0; i < size; i++) for (let k = 0; k < 2; k++) {
      const row = ((right + 1) & 2) === 0 ? size - 1 - i : i
      if (!fixed(row, right - k)) yield [row, right - k]
    }
  }
}

/** How hard a code is to read: long runs, blocks, what looks like a finder, too much of one colour. */
function penalty(grid: Grid): number {
  const { size } = grid
  let sum = 0
  let dark = 0
  for (const turned of [false, true]) for (let i = 0; i < size; i++) {
    const line = Array.from({ length: size }, (_, k) => (turned ? grid.is(k, i) : grid.is(i, k)))
    let run = 0
    line.forEach((one, k) => {
      run = k > 0 && one === line[k - 1] ? run + 1 : 1
      sum += run === 5 ? 3 : run > 5 ? 1 : 0
    })
    sum += [...line.map(one => (one ? '1' : '0')).join('').matchAll(/(?=10111010000|00001011101)/g)].length * 40
    if (!turned) dark += line.filter(Boolean).length
  }
  for (let row = 1; row < size; row++) for (let column = 1; column < size; column++) {
    const one = grid.is(row, column)
    if (one === grid.is(row - 1, column) && one === grid.is(row, column - 1) && one === grid.is(row - 1, column - 1)) sum += 3
  }
  return sum + Math.floor(Math.abs((dark * 20) / (size * size) - 10)) * 10
}

/** Rows of modules, true is dark; null: the text is too long. */
export function qrCode(text: string): boolean[][] | null {
  const octets = new TextEncoder().encode(text)
  const version = CODEWORDS.findIndex((all, i) => octets.length + (i < 9 ? 2 : 3) <= all - at(EC_OF_BLOCK, i) * at(BLOCKS, i)) + 1
  if (version === 0) return null
  const words = codewords(octets, version)
  let best: { grid: Grid; points: number } | null = null
  MASKS.forEach((masked, mask) => {
    const grid = new Grid(17 + 4 * version)
    patterns(grid, version)
    format(grid, mask)
    let i = 0
    for (const [row, column] of path(grid.size, grid.held)) {
      const bit = ((at(words, i >> 3) >> (7 - (i & 7))) & 1) === 1
      grid.set(row, column, bit !== masked(row, column), false)
      i++
    }
    const points = penalty(grid)
    if (best === null || points < best.points) best = { grid, points }
  })
  return (best as { grid: Grid } | null)?.grid.dark ?? null
}
