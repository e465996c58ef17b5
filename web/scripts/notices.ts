// SPDX-License-Identifier: Apache-2.0
// A plugin of Vite: writes notices.txt, the licences of the packages of which the bundle really has a part. A package
// that names no licence, or whose licence has no text here, ends the build.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin } from 'vite'

const ORDER = new Intl.Collator('en')

interface Package { name: string; version: string; license: string; text: string }

function folderOf(id: string): string | null {
  const at = id.replaceAll('\\', '/').lastIndexOf('/node_modules/')
  const name = /^\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(id.slice(at))
  return at < 0 || !name ? null : id.slice(id.startsWith('\0') ? 1 : 0, at) + name[0]
}
function read(folder: string): Package {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Package
  const files = readdirSync(folder).filter(one => /^(licen[cs]e|notice|copying)/i.test(one)).sort()
  const text = files.map(one => readFileSync(join(folder, one), 'utf8').replace(/\r\n/g, '\n').trim()).join('\n\n')
  if (!license || !text) throw new Error(`${folder}: a licence and its text are needed for notices.txt`)
  return { name, version, license, text }
}

export function notices(): Plugin {
  return {
    name: 'imward-notices',
    apply: 'build',
    generateBundle(_, bundle) {
      const folders = new Set<string>()
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== 'chunk') continue
        for (const id of Object.keys(chunk.modules)) {
          const folder = folderOf(id)
          if (folder !== null && existsSync(join(folder, 'package.json'))) folders.add(folder)
        }
      }
      // The same text is there once, for all that have it.
      const texts = new Map<string, Package[]>()
      for (const one of [...folders].map(read)) texts.set(one.text, [...(texts.get(one.text) ?? []), one])
      const parts = [...texts].map(([text, of]) => ({ text, names: of.map(one => `${one.name} ${one.version} (${one.license})`).sort(ORDER.compare) }))
      parts.sort((a, b) => ORDER.compare(a.names[0] ?? '', b.names[0] ?? ''))
      this.emitFile({
        type: 'asset',
        fileName: 'notices.txt',
        source: `The pages of imward's console have parts of these packages, each under its licence.\n${parts.map(one => `\n${'-'.repeat(80)}\n${one.names.join('\n')}\n\n${one.text}\n`).join('')}`,
      })
    },
  }
}
