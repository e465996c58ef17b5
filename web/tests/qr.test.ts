// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest'
import { MASKS, multiply, qrCode } from '../src/lib/qr'

// Reads a code as a telephone does, from the other end: format, mask, order, blocks, syndromes, text. Tables of the
// standard (ISO/IEC 18004, level M) stand here a second time.
const SHAPE: Record<number, [number, number, number[]]> = { // correction of a block, blocks, centres of alignment
  1: [10, 1, []], 2: [16, 1, [18]], 3: [26, 1, [22]], 4: [18, 2, [26]], 5: [24, 2, [30]], 6: [16, 4, [34]], 7: [18, 4, [22, 38]], 8: [22, 4, [24, 42]], 9: [22, 5, [26, 46]], 10: [26, 5, [28, 50]],
}
const FORMATS_M = [0x5412, 0x5125, 0x5e7c, 0x5b4b, 0x45f9, 0x40ce, 0x4f97, 0x4aa0] // mask 0 to 7
const VERSIONS: Record<number, number> = { 7: 0x07c94, 8: 0x085bc, 9: 0x09a99, 10: 0x0a4d3 }

function read(rows: boolean[][]): string {
  const size = rows.length
  const version = (size - 17) / 4
  const [ec, blocks, centres] = SHAPE[version] as [number, number, number[]]
  const bit = (row: number, column: number): number => (rows[row]?.[column] ? 1 : 0)
  // Format: most significant bit first, from the left end of row 8 and up column 8.
  const first = [...[0, 1, 2, 3, 4, 5, 7, 8].map(c => bit(8, c)), ...[7, 5, 4, 3, 2, 1, 0].map(r => bit(r, 8))]
  const second = [...[1, 2, 3, 4, 5, 6, 7].map(i => bit(size - i, 8)), ...[8, 7, 6, 5, 4, 3, 2, 1].map(i => bit(8, size - i))]
  expect(second).toEqual(first)
  const mask = FORMATS_M.indexOf(first.reduce((n, b) => n * 2 + b, 0))
  expect(mask).toBeGreaterThanOrEqual(0)
  expect(bit(size - 8, 8)).toBe(1)
  if (version >= 7) {
    const bits = Array.from({ length: 18 }, (_, i) => bit(Math.floor(i / 3), size - 11 + (i % 3)))
    expect(bits.reduceRight((n, b) => n * 2 + b, 0)).toBe(VERSIONS[version])
  }
  const near = (row: number, column: number) => {
    if ((row < 9 && (column < 9 || column >= size - 8)) || (row >= size - 8 && column < 9) || row === 6 || column === 6) return true
    if (version >= 7 && ((row < 6 && column >= size - 11) || (column < 6 && row >= size - 11))) return true
    return [6, ...centres].some(y => [6, ...centres].some(x => (y !== 6 || x !== 6) && !(y === 6 && x === size - 7) && !(x === 6 && y === size - 7) && Math.abs(row - y) <= 2 && Math.abs(column - x) <= 2))
  }
  const bits: number[] = []
  for (let right = size - 1, up = true; right > 0; right -= 2, up = !up) {
    if (right === 6) right--
    for (let i = 0; i < size; i++) for (const column of [right, right - 1]) {
      const row = up ? size - 1 - i : i
      if (!near(row, column)) bits.push(bit(row, column) ^ (MASKS[mask]?.(row, column) ? 1 : 0))
    }
  }
  const words = Array.from({ length: Math.floor(bits.length / 8) }, (_, i) => bits.slice(8 * i, 8 * i + 8).reduce((n, b) => n * 2 + b, 0))
  const total = words.length - ec * blocks
  const list: number[][] = Array.from({ length: blocks }, () => [])
  const size0 = Math.floor(total / blocks)
  const long = total % blocks
  let next = 0
  for (let i = 0; i <= size0; i++) list.forEach((block, k) => { if (i < size0 || k >= blocks - long) block.push(words[next++] as number) })
  const data = list.map(block => [...block])
  for (let i = 0; i < ec; i++) for (const block of list) block.push(words[next++] as number)
  for (const block of list) { // whole: each root of the generator is one of the block
    let root = 1
    for (let i = 0; i < ec; i++, root = multiply(root, 2)) expect(block.reduce((sum, octet) => multiply(sum, root) ^ octet, 0)).toBe(0)
  }
  const all = data.flat().flatMap(octet => Array.from({ length: 8 }, (_, i) => (octet >> (7 - i)) & 1))
  const take = (count: number) => all.splice(0, count).reduce((n, b) => n * 2 + b, 0)
  expect(take(4)).toBe(4)
  const count = take(version < 10 ? 8 : 16)
  return new TextDecoder().decode(Uint8Array.from({ length: count }, () => take(8)))
}

describe('a QR code', () => {
  test('of the key of an authenticator can be read', () => {
    const uri = 'otpauth://totp/imward:anna.keller?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=imward'
    expect(read(qrCode(uri) ?? [])).toBe(uri)
  })
  test('of every version, filled and nearly empty, holds its text', () => {
    for (const length of [1, 14, 15, 26, 27, 42, 43, 62, 63, 84, 85, 106, 107, 122, 123, 152, 153, 180, 181, 213]) {
      const text = Array.from({ length }, (_, i) => String.fromCharCode(33 + ((i * 37 + length) % 90))).join('')
      expect(read(qrCode(text) ?? []), `${length} octets`).toBe(text)
    }
  })
  test('has the smallest version that fits; what is too long gets none', () => {
    expect(qrCode('x'.repeat(14))?.length).toBe(21)
    expect(qrCode('x'.repeat(15))?.length).toBe(25)
    expect(qrCode('x'.repeat(213))?.length).toBe(57)
    expect(qrCode('x'.repeat(214))).toBeNull()
  })
  test('multiplies in the field of the standard', () => {
    expect(multiply(2, 128)).toBe(0x1d)
    expect(multiply(0x53, 1)).toBe(0x53)
    expect(multiply(7, 0)).toBe(0)
  })
})
