// SPDX-License-Identifier: Apache-2.0
// Writes FILE.br and FILE.gz beside each file of the built console, so that the server compresses nothing while it
// runs; and puts the bundled capture beside them, which the first-run wizard offers as an example. What compression
// does not make smaller gets none.
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const here = dirname(fileURLToPath(import.meta.url))
const folder = resolve(here, '..', process.env.IMWARD_CONSOLE_OUT ?? '../build/console')
const example = resolve(here, '../../tests/fixtures/demo.pcap')

if (existsSync(example)) copyFileSync(example, join(folder, 'example.pcap'))

function* files(at) {
  for (const name of readdirSync(at).sort()) {
    const path = join(at, name)
    if (statSync(path).isDirectory()) yield* files(path)
    else if (!/\.(br|gz)$/.test(name)) yield path
  }
}

let plain = 0
let packed = 0
for (const path of files(folder)) {
  const bytes = readFileSync(path)
  const brotli = brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  })
  const gzip = gzipSync(bytes, { level: 9 })
  if (brotli.length < bytes.length) writeFileSync(path + '.br', brotli)
  if (gzip.length < bytes.length) writeFileSync(path + '.gz', gzip)
  plain += bytes.length
  packed += Math.min(brotli.length, bytes.length)
}
console.log(`console: ${Math.round(plain / 1024)} KB, compressed ${Math.round(packed / 1024)} KB, in ${folder}`)
