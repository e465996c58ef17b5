// SPDX-License-Identifier: Apache-2.0
// Text to take away: into the clipboard, or as a file.
import { useState } from 'react'
import { announce } from '../app/announce'
import { Button } from './controls'

export function CopyText({ text, what }: { text: string; what: string }) {
  const [copied, setCopied] = useState<boolean | null>(null)
  const copy = () =>
    void navigator.clipboard.writeText(text).then(
      () => { setCopied(true); announce(`${what} copied`) },
      () => setCopied(false), // the browser forbids it: then it is marked and copied by hand
    )
  return (
    <div className="copy">
      <code className="copy-text" tabIndex={0} aria-label={what}>{text}</code>
      <Button small icon={copied ? 'check' : 'copy'} onPress={copy} aria-label={`Copy ${what}`}>{copied ? 'Copied' : copied === false ? 'Mark it and press Ctrl+C' : 'Copy'}</Button>
    </div>
  )
}

export function saveText(name: string, text: string, type: string) {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type }))
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000)
}
