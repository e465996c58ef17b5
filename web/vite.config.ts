// SPDX-License-Identifier: Apache-2.0
// How the console is built. IMWARD_CONSOLE_OUT: where to; IMWARD_SERVER: where the API is, for `npm run dev`.
import { defineConfig } from 'vitest/config'
import { notices } from './scripts/notices'

const server = process.env['IMWARD_SERVER'] ?? 'https://127.0.0.1:8443'

export default defineConfig({
  base: '/',
  plugins: [notices()],
  esbuild: { jsx: 'automatic', legalComments: 'none' },
  build: {
    outDir: process.env['IMWARD_CONSOLE_OUT'] ?? '../build/console',
    emptyOutDir: true,
    target: ['chrome109', 'firefox115', 'safari16.4'],
    assetsInlineLimit: 0, // data: addresses are not allowed by the content security policy
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
    sourcemap: false,
    reportCompressedSize: false,
  },
  server: {
    port: Number(process.env['PORT'] ?? 5173),
    proxy: { '/api': { target: server, secure: false, changeOrigin: true } },
  },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
})
