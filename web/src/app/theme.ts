// SPDX-License-Identifier: Apache-2.0
import { makeStore, remember, remembered } from './store'

export type Theme = 'light' | 'dark' | 'system'
const dark = matchMedia('(prefers-color-scheme: dark)')
const first = remembered('theme')
export const theme = makeStore<Theme>(first === 'light' || first === 'dark' ? first : 'system')

function apply() {
  const wanted = theme.get()
  document.documentElement.dataset['theme'] = wanted === 'system' ? (dark.matches ? 'dark' : 'light') : wanted
}
dark.addEventListener('change', apply)
apply()

export function setTheme(next: Theme) {
  theme.set(next)
  remember('theme', next === 'system' ? null : next)
  apply()
}
