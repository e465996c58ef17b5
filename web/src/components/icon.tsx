// SPDX-License-Identifier: Apache-2.0
// Icons, drawn by us on a grid of 16: strokes of one width, so that they sit with text. They never stand for a word alone.
const PATHS = {
  overview: 'M2.5 13.5v-4M6.2 13.5v-8M9.8 13.5v-5.5M13.5 13.5v-11',
  events: 'M2.5 4h11M2.5 8h11M2.5 12h7',
  people: 'M6 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM1.5 13.5c0-2.6 2-4 4.5-4s4.5 1.4 4.5 4M10.5 7.3a2.2 2.2 0 0 0 0-4.4M12 9.7c1.6.5 2.5 1.8 2.5 3.8',
  spread: 'M3.5 9.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM12.5 5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM12.5 14a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM5 7.3l6-3M5 8.7l6 3',
  incident: 'M8 2l6.2 11.2H1.8zM8 6.5v3M8 11.4v.1',
  reveal: 'M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8zM8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4z',
  policy: 'M4 1.8h5.5L12.5 5v9.2H4zM9.3 2v3.2h3M6 8h4.5M6 10.8h4.5',
  catalog: 'M2.5 3.5h4.2c.8 0 1.3.5 1.3 1.2v8.5c0-.7-.5-1.2-1.3-1.2H2.5zM13.5 3.5H9.3C8.5 3.5 8 4 8 4.7v8.5c0-.7.5-1.2 1.3-1.2h4.2z',
  sensor: 'M8 9.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM4.8 11.2a4.5 4.5 0 0 1 0-6.4M11.2 4.8a4.5 4.5 0 0 1 0 6.4M2.7 13.3a7.5 7.5 0 0 1 0-10.6M13.3 2.7a7.5 7.5 0 0 1 0 10.6',
  import: 'M8 2v8M5 7l3 3 3-3M2.5 10.5v3h11v-3',
  export: 'M8 10V2M5 5l3-3 3 3M2.5 10.5v3h11v-3',
  directory: 'M2.5 2.5h11v11h-11zM8 7.5a1.6 1.6 0 1 0 0-3.2 1.6 1.6 0 0 0 0 3.2zM5 11.8c0-1.8 1.3-2.8 3-2.8s3 1 3 2.8',
  account: 'M8 8a2.8 2.8 0 1 0 0-5.6A2.8 2.8 0 0 0 8 8zM2.5 14c0-3 2.4-4.6 5.5-4.6s5.5 1.6 5.5 4.6',
  key: 'M5 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM7.8 8h6.7M12 8v2.5M14.3 8v2',
  audit: 'M8 1.8l5.2 2v4c0 3.2-2.1 5.4-5.2 6.4-3.1-1-5.2-3.2-5.2-6.4v-4zM5.8 8l1.6 1.6 3-3.2',
  settings: 'M2.5 4.5h6M11.5 4.5h2M2.5 11.5h2M7.5 11.5h6M10 6a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM6 13a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3z',
  retention: 'M8 14.2A6.2 6.2 0 1 0 8 1.8a6.2 6.2 0 0 0 0 12.4zM8 4.5V8l2.5 1.8',
  mine: 'M8 1.8l5.2 2v4c0 3.2-2.1 5.4-5.2 6.4-3.1-1-5.2-3.2-5.2-6.4v-4zM8 7.4a1.4 1.4 0 1 0 0-2.8 1.4 1.4 0 0 0 0 2.8zM5.6 10.6c.2-1.3 1.1-1.9 2.4-1.9s2.2.6 2.4 1.9',
  search: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.3 10.3l3.7 3.7',
  menu: 'M2.5 4h11M2.5 8h11M2.5 12h11',
  close: 'M4 4l8 8M12 4l-8 8',
  check: 'M3 8.5l3.2 3L13 4.5',
  warning: 'M8 2l6.2 11.2H1.8zM8 6.5v3M8 11.4v.1',
  info: 'M8 14.2A6.2 6.2 0 1 0 8 1.8a6.2 6.2 0 0 0 0 12.4zM8 7.5v3.5M8 5v.1',
  down: 'M4 6.2l4 4 4-4',
  up: 'M4 9.8l4-4 4 4',
  left: 'M10 3.5L5.5 8l4.5 4.5',
  right: 'M6 3.5L10.5 8 6 12.5',
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  more: 'M3 8h.6M7.7 8h.6M12.4 8h.6',
  sun: 'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9',
  moon: 'M13 9.6A5.6 5.6 0 0 1 6.4 3 5.6 5.6 0 1 0 13 9.6z',
  system: 'M2 3h12v8H2zM5.5 13.5h5M8 11v2.5',
  keyboard: 'M1.5 4h13v8h-13zM4 6.7v.1M6.7 6.7v.1M9.3 6.7v.1M12 6.7v.1M4.5 9.5h7',
  out: 'M9.5 2.5H3v11h6.5M6.5 8h7.5M11.3 5.2L14 8l-2.7 2.8',
  copy: 'M5.5 5.5h8v8h-8zM3.5 10.5h-1v-8h8v1',
  file: 'M4 1.8h5.5L12.5 5v9.2H4zM9.3 2v3.2h3',
  filter: 'M2 3h12l-4.7 5.5v4.3l-2.6 1V8.5z',
  columns: 'M2.5 3h11v10h-11zM6.2 3v10M9.8 3v10',
  bookmark: 'M4.5 2.2h7v11.6L8 11l-3.5 2.8z',
  print: 'M4.5 6V2h7v4M4.5 11.5h-2V6h11v5.5h-2M4.5 9.5h7V14h-7z',
  link: 'M6.7 9.3a2.6 2.6 0 0 0 3.7 0l2.4-2.4a2.6 2.6 0 0 0-3.7-3.7l-.9.9M9.3 6.7a2.6 2.6 0 0 0-3.7 0L3.2 9.1a2.6 2.6 0 0 0 3.7 3.7l.9-.9',
  refresh: 'M13 8a5 5 0 1 1-1.5-3.6M13 2.5v2.7h-2.7',
  clock: 'M8 14.2A6.2 6.2 0 1 0 8 1.8a6.2 6.2 0 0 0 0 12.4zM8 4.5V8l2.5 1.8',
  shield: 'M8 1.8l5.2 2v4c0 3.2-2.1 5.4-5.2 6.4-3.1-1-5.2-3.2-5.2-6.4v-4z',
  table: 'M2 3h12v10H2zM2 6.5h12M6.5 6.5V13',
  chart: 'M2.5 2.5v11h11M5 10.5l2.7-3.2 2.2 1.8L13 5',
  edit: 'M3 13l.6-2.8 7.6-7.6 2.2 2.2-7.6 7.6z',
  trash: 'M3 4.5h10M6 4.5V2.8h4v1.7M4.3 4.5l.6 9h6.2l.6-9',
} as const
export type IconName = keyof typeof PATHS

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg className="icon" viewBox="0 0 16 16" width={size} height={size} fill="none" stroke="currentColor" strokeWidth={1.4} strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  )
}
