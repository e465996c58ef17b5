// SPDX-License-Identifier: Apache-2.0
import { useMemo } from 'react'
import { qrCode } from '../lib/qr'

const QUIET = 4 // modules of paper around it, as readers want them
/** Dark on light in both themes: not every reader takes it the other way round. */
export function QrCode({ of, label }: { of: string; label: string }) {
  const rows = useMemo(() => qrCode(of), [of])
  if (rows === null) return null
  const size = rows.length + 2 * QUIET
  const marks = rows.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x + QUIET} ${y + QUIET}h1v1h-1z` : ''))).join('')
  return (
    <svg className="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shapeRendering="crispEdges">
      <rect className="qr-paper" width={size} height={size} />
      <path className="qr-ink" d={marks} />
    </svg>
  )
}
